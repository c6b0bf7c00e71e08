// SPDX-License-Identifier: Apache-2.0
//! Standard input as a source (`-`). A worker receives its request on its own standard input. So
//! the standard input of this program is stored in a file while the command runs.

use std::{
    io::Read,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};
use tempfile::NamedTempFile;
use worker::{Failure, Result};

/// The limit of standard input, in bytes. No chain spec or snapshot in a pipe is larger.
const LIMIT: u64 = 8 << 30;

static KEPT: Mutex<Option<NamedTempFile>> = Mutex::new(None);

/// Returns the file with all of standard input, which is read at the first call.
pub fn file() -> Result<PathBuf> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(file) = &*kept {
        return Ok(file.path().to_path_buf());
    }
    let failed = |error: std::io::Error| {
        Failure::environment("standard input cannot be stored in a file").found(error.to_string())
    };
    let mut file = NamedTempFile::new().map_err(failed)?;
    let count = std::io::copy(&mut std::io::stdin().lock().take(LIMIT + 1), &mut file).map_err(failed)?;
    if count > LIMIT {
        return Err(Failure::input("standard input is too large").expected(format!("at most {LIMIT} bytes")));
    }
    let path = file.path().to_path_buf();
    *kept = Some(file);
    Ok(path)
}

/// Removes the file, if there is one.
pub fn remove_file() {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).take();
}
