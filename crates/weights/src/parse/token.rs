// SPDX-License-Identifier: Apache-2.0
//! Rust source as tokens with its comments, which a compiler's parser would drop and where half of a weight file's facts
//! stand. It accepts more than a compiler does and takes time linear in the source.

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
    let bytes = source.as_bytes();
    let mut list = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let rest = &source[at..];
        let open = |what: &str| {
            let before = &source[..at];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            Failure::input(format!("{name}:{line}:{column}: {what} does not end")).expected("Rust source")
        };
        let (kind, length) = if rest.starts_with("//") {
            (Kind::Comment, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (Kind::Comment, block_comment(rest).ok_or_else(|| open("a comment"))?)
        } else if let Some(prefix) = raw_string(rest) {
            (Kind::Literal, raw_length(rest, prefix).ok_or_else(|| open("a string"))?)
        } else if let Some(prefix) = ["\"", "b\"", "c\""].iter().find(|prefix| rest.starts_with(*prefix)) {
            (Kind::Literal, quoted(rest, prefix.len(), b'"').ok_or_else(|| open("a string"))?)
        } else if rest.starts_with("b'") {
            (Kind::Literal, quoted(rest, 2, b'\'').ok_or_else(|| open("a character"))?)
        } else if byte == b'\'' {
            tick(rest).ok_or_else(|| open("a character"))?
        } else if byte.is_ascii_digit() {
            (Kind::Number, number(rest))
        } else if is_name(rest.chars().next()) {
            (Kind::Identifier, name_length(rest))
        } else {
            (Kind::Sign, rest.chars().next().map_or(1, char::len_utf8))
        };
        list.push(Token { kind, text: &rest[..length], offset: at });
        at += length;
    }
    Ok(list)
}

fn is_name(character: Option<char>) -> bool {
    character.is_some_and(|one| one.is_alphanumeric() || one == '_')
}

fn name_length(rest: &str) -> usize {
    rest.find(|one: char| !(one.is_alphanumeric() || one == '_')).unwrap_or(rest.len())
}

/// Digits with what is attached to them; a point belongs to it only where a digit follows: `1..2` and `1.max()` are not.
fn number(rest: &str) -> usize {
    let whole = name_length(rest);
    match rest.as_bytes().get(whole..whole + 2) {
        Some([b'.', digit]) if digit.is_ascii_digit() => whole + 1 + name_length(&rest[whole + 1..]),
        _ => whole,
    }
}

fn block_comment(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0usize, 0);
    while at + 1 < bytes.len() {
        match (bytes[at], bytes[at + 1]) {
            (b'/', b'*') => (depth, at) = (depth + 1, at + 2),
            (b'*', b'/') => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
    None
}

/// The length of `r`, `br` or `cr` with its signs, where a raw string begins.
fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].iter().find(|prefix| {
        rest.strip_prefix(**prefix).is_some_and(|after| after.trim_start_matches('#').starts_with('"'))
    })?;
    let signs = rest[prefix.len()..].bytes().take_while(|byte| *byte == b'#').count();
    Some(prefix.len() + signs)
}

fn raw_length(rest: &str, prefix: usize) -> Option<usize> {
    let signs = rest[..prefix].bytes().filter(|byte| *byte == b'#').count();
    let end = format!("\"{}", "#".repeat(signs));
    rest[prefix + 1..].find(&end).map(|at| prefix + 1 + at + end.len())
}

fn quoted(rest: &str, start: usize, end: u8) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = start;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            byte if *byte == end => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// `'a'` is a character, `'a` a lifetime.
fn tick(rest: &str) -> Option<(Kind, usize)> {
    let mut characters = rest[1..].chars();
    let first = characters.next()?;
    if first != '\\' && characters.next() != Some('\'') {
        return Some((Kind::Lifetime, 1 + name_length(&rest[1..])));
    }
    quoted(rest, 1, b'\'').map(|length| (Kind::Literal, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<(Kind, &str)> {
        tokens(source, "a.rs").expect("tokens").iter().map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn what_looks_like_a_comment_or_a_string_is_told_apart() {
        use Kind::*;
        assert_eq!(
            texts("a \"// \\\" no\" r#\"\" \"# 'x' '\\'' 'life // yes\n/* a /* b */ c */ 1_u64.5 1..2"),
            [
                (Identifier, "a"),
                (Literal, "\"// \\\" no\""),
                (Literal, "r#\"\" \"#"),
                (Literal, "'x'"),
                (Literal, "'\\''"),
                (Lifetime, "'life"),
                (Comment, "// yes"),
                (Comment, "/* a /* b */ c */"),
                (Number, "1_u64.5"),
                (Number, "1"),
                (Sign, "."),
                (Sign, "."),
                (Number, "2"),
            ]
        );
    }

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
