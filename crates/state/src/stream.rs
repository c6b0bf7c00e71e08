// SPDX-License-Identifier: Apache-2.0
//! A reader of SCALE from a file that is not trusted: all sizes are bounded.

use super::SIZE_LIMIT;
use std::{
    cell::Cell,
    io::{self, ErrorKind, Read},
    rc::Rc,
};
use worker::{Code, Failure, Result};

/// The largest single value in bytes. The limits of nodes are far lower.
const VALUE_LIMIT: u64 = 256 * 1024 * 1024;

/// The largest ratio of decompressed to compressed bytes. Real states stay below a tenth of it.
const RATIO_LIMIT: u64 = 200;
/// The number of decompressed bytes from which on the ratio is checked.
const RATIO_FLOOR: u64 = 64 * 1024 * 1024;

/// A SCALE reader. `name` is the file's name in messages.
pub(super) struct Stream<'a, R> {
    name: &'a str,
    reader: R,
    position: u64,
    /// The number of compressed bytes consumed so far, if the file is compressed.
    consumed: Option<Rc<Cell<u64>>>,
}

/// Reads the first bytes of a file: `length` bytes, or fewer if the file is shorter.
pub(super) fn head(name: &str, reader: &mut impl Read, length: usize) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.by_ref().take(length as u64).read_to_end(&mut head).map_err(|error| read_error(name, &error))?;
    Ok(head)
}

/// Returns the failure for an I/O error.
pub(super) fn read_error(name: &str, error: &io::Error) -> Failure {
    Failure::io("read", std::path::Path::new(name), error)
}

impl<'a, R: Read> Stream<'a, R> {
    pub(super) fn new(name: &'a str, reader: R) -> Self {
        Self { name, reader, position: 0, consumed: None }
    }

    /// Creates a reader of decompressed bytes. `consumed` counts the compressed ones.
    pub(super) fn decompressed(name: &'a str, reader: R, consumed: Rc<Cell<u64>>) -> Self {
        Self { name, reader, position: 0, consumed: Some(consumed) }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.advance(N as u64)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(|error| self.map_error(&error))?;
        Ok(bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Reads a compact number of at most 32 bits.
    pub(super) fn compact(&mut self) -> Result<u32> {
        let first = self.byte()?;
        Ok(match first % 4 {
            0 => u32::from(first) >> 2,
            1 => u32::from(u16::from_le_bytes([first, self.byte()?])) >> 2,
            2 => {
                let [second, third, fourth] = self.array()?;
                u32::from_le_bytes([first, second, third, fourth]) >> 2
            }
            _ if first == 3 => self.u32()?,
            _ => return Err(self.broken("a number that is too large")),
        })
    }

    /// Reads bytes with a length prefix. Memory is allocated for the bytes that are there, not for
    /// the length.
    pub(super) fn bytes(&mut self) -> Result<Vec<u8>> {
        let length = u64::from(self.compact()?);
        if length > VALUE_LIMIT {
            return Err(self.broken(&format!("a value of {length} bytes")));
        }
        self.advance(length)?;
        let mut bytes = Vec::new();
        self.reader.by_ref().take(length).read_to_end(&mut bytes).map_err(|error| self.map_error(&error))?;
        if (bytes.len() as u64) < length {
            return Err(self.truncated());
        }
        Ok(bytes)
    }

    pub(super) fn text(&mut self) -> Result<String> {
        String::from_utf8(self.bytes()?).map_err(|_| self.broken("a name that is not UTF-8"))
    }

    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        match self.byte()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(self.broken("an invalid option byte")),
        }
    }

    /// Reads the remaining bytes, at most `limit` of them.
    pub(super) fn rest(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader.by_ref().take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|error| self.map_error(&error))?;
        if bytes.len() > limit {
            return Err(self.broken("more bytes after the last entry than a header has"));
        }
        Ok(bytes)
    }

    /// Fails if bytes follow.
    pub(super) fn end(&mut self) -> Result<()> {
        match self.rest(0)?.is_empty() {
            true => Ok(()),
            false => Err(self.broken("bytes after its end")),
        }
    }

    pub(super) fn into_inner(self) -> R {
        self.reader
    }

    /// Returns the failure for damaged content.
    pub(super) fn broken(&self, found: &str) -> Failure {
        Failure::input(format!("{} is damaged", self.name))
            .code(Code::Damaged)
            .found(format!("{found}, before byte {}", self.position))
            .expected("the file as it was written")
            .hint("make or download the file again")
    }

    /// Returns the failure for a file that ends too early.
    pub(super) fn truncated(&self) -> Failure {
        Failure::input(format!("{} is cut short", self.name))
            .code(Code::Damaged)
            .found(format!("the end of the file near byte {}", self.position))
            .expected("more of the snapshot")
            .hint("make or download the file again")
    }

    /// Counts bytes before they are read, and checks the limits.
    fn advance(&mut self, length: u64) -> Result<()> {
        self.position = self.position.saturating_add(length);
        if self.position > SIZE_LIMIT {
            return Err(self.broken(&format!("more than {SIZE_LIMIT} bytes")));
        }
        if let Some(consumed) = &self.consumed
            && self.position > RATIO_FLOOR + RATIO_LIMIT.saturating_mul(consumed.get())
        {
            return Err(self.broken("data that decompresses to far more than a state does"));
        }
        Ok(())
    }

    fn map_error(&self, error: &io::Error) -> Failure {
        match error.kind() {
            ErrorKind::UnexpectedEof => self.truncated(),
            // The error kinds of zstd for invalid data.
            ErrorKind::Other | ErrorKind::InvalidData => self.broken(&error.to_string()),
            _ => read_error(self.name, error),
        }
    }
}
