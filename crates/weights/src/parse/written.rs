// SPDX-License-Identifier: Apache-2.0
//! The text of weight functions: their terms and comments with their positions, so that manual
//! edits can be distinguished from what templates write.

use super::{
    Function,
    comments::{self, Facts},
    expression,
    token::{Kind, Source, Token},
};
use crate::formula::Cost;
use std::ops::Range;

/// The functions of one implementation.
pub struct Block<'source> {
    /// Whether it is the implementation for `()`.
    pub of_unit: bool,
    /// The byte range from `impl` to the closing brace.
    pub span: Range<usize>,
    /// The functions that return a weight, in their order.
    pub functions: Vec<Body<'source>>,
}

/// A weight function.
pub struct Body<'source> {
    /// The name of the function.
    pub name: &'source str,
    /// The line of `fn`, starting from 1.
    pub line: usize,
    /// The byte range from the first comment before the function to its closing brace.
    pub span: Range<usize>,
    /// The text from `fn` to the opening brace.
    pub signature: &'source str,
    /// The names of the arguments.
    pub arguments: Vec<Token<'source>>,
    /// The byte offset after the opening brace.
    pub begin: usize,
    /// The byte offset after the weight, where a term can be added.
    pub end: usize,
    /// Whether the function has a comment that templates write.
    pub is_generated: bool,
    /// The facts in the comments before and in the function.
    pub facts: Facts,
    /// The handwritten comments and the attributes before the function.
    pub before: Vec<Line<'source>>,
    /// The handwritten comments in the function that belong to no term.
    pub inside: Vec<Line<'source>>,
    /// The first weight and the added terms. `None` if the body is not such a sum.
    pub terms: Option<Vec<Term<'source>>>,
}

/// A line of a source.
#[derive(Clone, Copy)]
pub struct Line<'source> {
    /// The text without white space at its end.
    pub text: &'source str,
    /// The number of the line, starting from 1.
    pub line: usize,
}

/// A term of a weight: `.saturating_add(…)`, or the first weight.
pub struct Term<'source> {
    /// The text as in the source.
    pub text: &'source str,
    /// The line where the term begins, starting from 1.
    pub line: usize,
    /// The cost. `None` if the term is unreadable.
    pub cost: Option<Cost>,
    /// The identifiers in the term.
    pub names: Vec<&'source str>,
    /// The handwritten comments on the lines before the term.
    pub before: Vec<Line<'source>>,
    /// The handwritten comment on the term's last line.
    pub behind: Option<Line<'source>>,
}

/// Returns the implementations of weight functions in a source.
pub fn blocks<'source>(source: &Source<'source>) -> Vec<Block<'source>> {
    let parse = |implementation: super::ImplBlock| {
        let (open, close) = implementation.block;
        let mut functions = Vec::new();
        let (mut from, mut at) = (open + 1, open + 1);
        while at < close {
            if source.tokens[at].is("fn") {
                let Some(function) = Function::find(source, at) else { break };
                if function.returns_weight {
                    functions.push(Body::parse(source, from, at, &function));
                }
                at = function.block.1;
                from = at + 1;
            }
            at += 1;
        }
        let span = source.tokens[implementation.at].offset..source.tokens[close].offset + 1;
        Block { of_unit: implementation.for_type == "()", span, functions }
    };
    super::impl_blocks(source).into_iter().map(parse).filter(|block| !block.functions.is_empty()).collect()
}

impl<'source> Body<'source> {
    /// Parses a function. `from` is the index of the first token after the previous function, and
    /// `at` that of `fn`.
    fn parse(source: &Source<'source>, from: usize, at: usize, function: &Function) -> Self {
        let tokens = &source.tokens;
        let (open, close) = function.block;
        let line = |token: &Token<'source>| Line { text: token.text.trim_end(), line: source.position(token.offset).0 };
        let by_hand = |token: &&Token<'source>| !comments::is_generated(token.text);
        let tokens_before = &tokens[from..at];
        let mut before: Vec<_> =
            tokens_before.iter().filter(|token| token.kind == Kind::Comment).filter(by_hand).map(line).collect();
        for (index, token) in tokens_before.iter().enumerate().filter(|(_, token)| token.is("#")) {
            let end = source.closing(from + index + 1).map_or(token.offset + 1, |end| tokens[end].offset + 1);
            before.push(Line { text: &source.text[token.offset..end], ..line(token) });
        }
        let comments = || tokens_before.iter().chain(&tokens[open..close]).filter(|token| token.kind == Kind::Comment);
        let mut facts = Facts::default();
        comments().for_each(|token| facts.read(token.text));
        let arguments = &tokens[function.arguments.0 + 1..function.arguments.1];
        let is_name = |pair: &&[Token<'source>]| pair[0].kind == Kind::Identifier && pair[1].is(":");
        let arguments: Vec<_> = arguments.windows(2).filter(is_name).map(|pair| pair[0]).collect();
        let names: Vec<_> = arguments.iter().map(|token| token.text.to_owned()).collect();
        let (terms, inside) = match split(source, function.block) {
            Some(ranges) => {
                let (terms, inside) = terms(source, function.block, &ranges, &names);
                (Some(terms), inside)
            }
            None => (None, Vec::new()),
        };
        let last = tokens[open..close].iter().rev().find(|token| token.kind != Kind::Comment);
        Self {
            name: tokens[function.name].text,
            line: source.position(tokens[at].offset).0,
            span: tokens[from].offset..tokens[close].offset + 1,
            signature: source.text[tokens[at].offset..tokens[open].offset].trim_end(),
            arguments,
            begin: tokens[open].offset + 1,
            end: last.map_or(tokens[open].offset + 1, |token| token.offset + token.text.len()),
            is_generated: comments().any(|token| comments::is_fact(token.text)),
            facts,
            before,
            inside,
            terms,
        }
    }
}

/// Returns the first and the last token of each term. `None` if the body is not a sum of terms.
fn split(source: &Source<'_>, (open, close): (usize, usize)) -> Option<Vec<(usize, usize)>> {
    const NOT_A_SUM: [&str; 12] = [";", "+", "*", "-", "/", "?", "=", "{", "let", "if", "match", "return"];
    let tokens = &source.tokens;
    let code = |at: &usize| tokens[*at].kind != Kind::Comment;
    let mut start = (open + 1..close).find(code)?;
    let (mut ranges, mut at, mut last) = (Vec::new(), start, start);
    while at < close {
        let token = &tokens[at];
        if token.kind == Kind::Comment {
            at += 1;
            continue;
        }
        if NOT_A_SUM.iter().any(|sign| token.is(sign)) {
            return None;
        }
        if token.is(".") && at != start {
            ranges.push((start, last));
            start = at;
        }
        // A bracket and its content belong to the same term.
        last = source.closing(at).unwrap_or(at);
        at = last + 1;
    }
    ranges.push((start, last));
    let is_added = |(start, last): &(usize, usize)| {
        tokens[start + 1].is("saturating_add") && source.closing(start + 2) == Some(*last)
    };
    (last < close && ranges[1..].iter().all(is_added)).then_some(ranges)
}

/// Returns the terms, and the handwritten comments that belong to no term.
fn terms<'source>(
    source: &Source<'source>,
    (open, close): (usize, usize),
    ranges: &[(usize, usize)],
    names: &[String],
) -> (Vec<Term<'source>>, Vec<Line<'source>>) {
    let tokens = &source.tokens;
    let end_of = |at: usize| tokens[at].offset + tokens[at].text.len();
    let mut list: Vec<Term<'source>> = Vec::new();
    let mut inside = Vec::new();
    let mut previous = open;
    let gap = |from: usize, to: usize| {
        let comments = tokens[from + 1..to].iter().filter(|token| token.kind == Kind::Comment);
        comments.filter(|token| !comments::is_generated(token.text)).map(move |token| {
            let line = Line { text: token.text.trim_end(), line: source.position(token.offset).0 };
            (line, !source.text[end_of(from)..token.offset].contains('\n'))
        })
    };
    for (index, (start, last)) in ranges.iter().enumerate() {
        let mut before = Vec::new();
        for (line, is_behind) in gap(previous, *start) {
            match list.last_mut().filter(|_| is_behind) {
                Some(term) if term.behind.is_none() => term.behind = Some(line),
                _ if index == 0 => inside.push(line),
                _ => before.push(line),
            }
        }
        let argument = if index == 0 { *start..last + 1 } else { start + 3..*last };
        list.push(Term {
            text: &source.text[tokens[*start].offset..end_of(*last)],
            line: source.position(tokens[*start].offset).0,
            cost: expression::evaluate(&tokens[argument], end_of(*last), names).ok(),
            names: tokens[*start..*last]
                .iter()
                .filter(|one| one.kind == Kind::Identifier)
                .map(|one| one.text)
                .collect(),
            before,
            behind: None,
        });
        previous = *last;
    }
    for (line, is_behind) in gap(previous, close) {
        match list.last_mut().filter(|term| is_behind && term.behind.is_none()) {
            Some(term) => term.behind = Some(line),
            None => inside.push(line),
        }
    }
    (list, inside)
}
