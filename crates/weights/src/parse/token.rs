// SPDX-License-Identifier: Apache-2.0
//! Rust source as tokens with its comments, which a compiler's parser would drop and where half of a weight file's facts
//! stand. It accepts more than a compiler does and takes time linear in the source.

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};
use worker::{Failure, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Identifier,
    Number,
    /// Strings and characters of every form.
    Literal,
    Lifetime,
    /// One character.
    Sign,
    /// A line after `//`, `///` or `//!`, or a block.
    Comment,
}

#[derive(Clone, Copy, Debug)]
pub struct Token<'source> {
    pub kind: Kind,
    pub text: &'source str,
    /// Bytes from the start.
    pub offset: usize,
}

impl Token<'_> {
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Identifier | Kind::Sign) && self.text == text
    }
}

/// A source with its tokens, and where each bracket ends.
pub struct Source<'source> {
    pub text: &'source str,
    pub tokens: Vec<Token<'source>>,
    /// For each token that opens a bracket the index of the one that closes it.
    closing: Vec<Option<usize>>,
    /// For each token the index of the next `{` or `;`, itself included.
    next_block: Vec<Option<usize>>,
    line_starts: Vec<usize>,
}

impl<'source> Source<'source> {
    /// `name` is how the file is called in messages.
    pub fn new(text: &'source str, name: &str) -> Result<Self> {
        let tokens = tokens(text, name)?;
        let mut closing = vec![None; tokens.len()];
        let mut open = Vec::new();
        for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Sign) {
            match token.text {
                "{" | "(" | "[" => open.push(at),
                "}" | ")" | "]" => {
                    if let Some(opened) = open.pop() {
                        closing[opened] = Some(at);
                    }
                }
                _ => {}
            }
        }
        let mut next_block = vec![None; tokens.len()];
        let mut next = None;
        for (at, token) in tokens.iter().enumerate().rev() {
            if token.is("{") || token.is(";") {
                next = Some(at);
            }
            next_block[at] = next;
        }
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Ok(Self { text, tokens, closing, next_block, line_starts })
    }

    /// The index of what closes the bracket at `open`.
    pub fn closing(&self, open: usize) -> Option<usize> {
        self.closing.get(open).copied().flatten()
    }

    /// The indices of the braces of the block that belongs to the item at `at`; None where it ends with `;`.
    pub fn block(&self, at: usize) -> Option<(usize, usize)> {
        let open = self.next_block.get(at).copied().flatten()?;
        self.tokens[open].is("{").then_some(())?;
        Some((open, self.closing(open)?))
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let before = self.text.get(self.line_starts[line - 1]..offset).unwrap_or_default();
        // Of a line without an end only the beginning is counted.
        (line, before.chars().take(10_000).count() + 1)
    }
}

/// The tokens of a source; `name` is how the file is called in messages.
fn tokens<'source>(source: &'source str, name: &str) -> Result<Vec<Token<'source>>> {
    let mut list = Vec::new();
    let mut at = 0;
    for token in tokenize(source, FrontmatterAllowed::No) {
        let (offset, text) = (at, &source[at..at + token.len as usize]);
        at += token.len as usize;
        let kind = kind(token.kind).map_err(|what| {
            let before = &source[..offset];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            Failure::input(format!("{name}:{line}:{column}: {what} does not end")).expected("Rust source")
        })?;
        list.extend(kind.map(|kind| Token { kind, text, offset }));
    }
    Ok(list)
}

/// What a token of the compiler is here; none for space. The error says what has no end.
fn kind(kind: TokenKind) -> std::result::Result<Option<Kind>, &'static str> {
    Ok(Some(match kind {
        TokenKind::Whitespace | TokenKind::Frontmatter { .. } => return Ok(None),
        TokenKind::BlockComment { terminated: false, .. } => return Err("a comment"),
        TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => Kind::Comment,
        TokenKind::Ident
        | TokenKind::InvalidIdent
        | TokenKind::RawIdent
        | TokenKind::ForcedKeywordIdent
        | TokenKind::UnknownPrefix => Kind::Identifier,
        TokenKind::Lifetime { .. } | TokenKind::RawLifetime | TokenKind::UnknownPrefixLifetime => Kind::Lifetime,
        TokenKind::Literal { kind, .. } => match kind {
            LiteralKind::Int { .. } | LiteralKind::Float { .. } => Kind::Number,
            LiteralKind::Char { terminated: false } | LiteralKind::Byte { terminated: false } => {
                return Err("a character");
            }
            LiteralKind::Str { terminated: false }
            | LiteralKind::ByteStr { terminated: false }
            | LiteralKind::CStr { terminated: false }
            | LiteralKind::RawStr { n_hashes: None }
            | LiteralKind::RawByteStr { n_hashes: None }
            | LiteralKind::RawCStr { n_hashes: None } => return Err("a string"),
            _ => Kind::Literal,
        },
        _ => Kind::Sign,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_is_named_with_its_place() {
        for source in ["x\n  /* a", "x\n  \"a", "x\n  r#\"a\"", "x\n  '\\", "x\n  b'a"] {
            let failure = tokens(source, "a.rs").expect_err(source);
            assert!(failure.message.starts_with("a.rs:2:3: "), "{failure}");
        }
    }

    #[test]
    fn no_prefix_of_a_source_makes_it_panic() {
        let source = "impl<'a> X { fn é() -> r\"ü\" { b\"\\\" '\\u{1}' 0x1f_u8 /* /* */ */ // ö\n } } \u{1f600}";
        for (end, _) in source.char_indices() {
            let _ = tokens(&source[..end], "a.rs");
            let _ = tokens(&source[end..], "a.rs");
        }
    }
}
