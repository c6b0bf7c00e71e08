// SPDX-License-Identifier: Apache-2.0
//! Rust source as tokens, including comments. A compiler's parser drops the comments, but they
//! contain many facts of a weight file. The tokenizer accepts more than a compiler, and its time is
//! linear in the size of the source.

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};
use worker::{Failure, Result};

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A keyword or a name.
    Identifier,
    /// An integer or a decimal number, with its suffix.
    Number,
    /// A string or character of any form.
    Literal,
    /// A lifetime or a label, with its apostrophe.
    Lifetime,
    /// A punctuation character.
    Sign,
    /// A line that starts with `//`, `///` or `//!`, or a block comment.
    Comment,
}

/// A token of a source.
#[derive(Clone, Copy, Debug)]
pub struct Token<'source> {
    /// The kind of the token.
    pub kind: Kind,
    /// The text as in the source.
    pub text: &'source str,
    /// The offset from the start of the source, in bytes.
    pub offset: usize,
}

impl Token<'_> {
    /// Returns whether this is the identifier or sign `text`.
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Identifier | Kind::Sign) && self.text == text
    }
}

/// A source with its tokens and matching brackets.
pub struct Source<'source> {
    /// The whole text.
    pub text: &'source str,
    /// The tokens in their order, with comments and without white space.
    pub tokens: Vec<Token<'source>>,
    /// The index of the closing bracket, for each token that is an opening bracket.
    closing: Vec<Option<usize>>,
    /// The index of the next `{` or `;`, for each token, including itself.
    next_block: Vec<Option<usize>>,
    /// The offset of each line, in bytes.
    line_starts: Vec<usize>,
}

impl<'source> Source<'source> {
    /// Splits a source into tokens. `name` is the file's name in messages.
    ///
    /// Fails if a comment or a literal has no end.
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

    /// Returns the index of the closing bracket for the one at `open`.
    pub fn closing(&self, open: usize) -> Option<usize> {
        self.closing.get(open).copied().flatten()
    }

    /// Returns the indices of the braces of the block of the item at `at`. `None` if the item ends
    /// with `;`.
    pub fn block(&self, at: usize) -> Option<(usize, usize)> {
        let open = self.next_block.get(at).copied().flatten()?;
        self.tokens[open].is("{").then_some(())?;
        Some((open, self.closing(open)?))
    }

    /// Returns the line and column of an offset, both starting from 1. Columns count characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let before = self.text.get(self.line_starts[line - 1]..offset).unwrap_or_default();
        // The limit bounds the time for a very long line.
        (line, before.chars().take(10_000).count() + 1)
    }
}

/// Splits a source into tokens. `name` is the file's name in messages.
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

/// Returns the kind of a token of the compiler's lexer. `None` for whitespace.
///
/// The error names the token that has no end.
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
    fn an_unterminated_token_is_reported_with_its_position() {
        for source in ["x\n  /* a", "x\n  \"a", "x\n  r#\"a\"", "x\n  '\\", "x\n  b'a"] {
            let failure = tokens(source, "a.rs").expect_err(source);
            assert!(failure.message.starts_with("a.rs:2:3: "), "{failure}");
        }
    }

    #[test]
    fn truncated_source_does_not_panic() {
        let source = "impl<'a> X { fn é() -> r\"ü\" { b\"\\\" '\\u{1}' 0x1f_u8 /* /* */ */ // ö\n } } \u{1f600}";
        for (end, _) in source.char_indices() {
            let _ = tokens(&source[..end], "a.rs");
            let _ = tokens(&source[end..], "a.rs");
        }
    }
}
