// SPDX-License-Identifier: Apache-2.0
//! Parser of weight files: Rust source as the templates of Substrate, Polkadot, Cumulus and XCM
//! generate it, and as people write it.
//!
//! A file contains implementations of weight functions. The file of a pallet has two, for
//! `SubstrateWeight<T>` and for `()`. They have the same weights, for different databases.
//! [`WeightFile::extrinsics`] returns those of the generic implementation.

pub mod comments;
mod constants;
mod expression;
pub mod token;
pub mod written;

pub use constants::constant;

use crate::formula::{Cost, Linear};
use comments::{AccessedItem, Facts, Header};
use std::path::Path;
use token::{Kind, Source, Token};
use worker::{Failure, Result};

/// The maximum size of a file, in bytes: ten times that of the largest published file.
const SIZE_LIMIT: u64 = 8 * 1024 * 1024;
/// The maximum number of tokens between `impl` and its block, and between `fn` and its arguments.
const HEAD_LIMIT: usize = 500;

/// A parsed weight file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightFile {
    /// The file's name in messages.
    pub name: String,
    /// The facts in the comments at the top.
    pub header: Header,
    /// The implementations, in the order of the file.
    pub implementations: Vec<Implementation>,
}

/// An implementation of weight functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Implementation {
    /// The trait: `pallet_sudo::WeightInfo`. `None` in files of XCM, which implement no trait.
    pub of_trait: Option<String>,
    /// The type: `SubstrateWeight<T>`, `WeightInfo<T>`, `()`.
    pub for_type: String,
    /// The database's weights: `T::DbWeight`, `RocksDbWeight`. `None` if the functions do not use
    /// any.
    pub database: Option<String>,
    /// The weight functions, in the order of the file.
    pub extrinsics: Vec<Extrinsic>,
}

/// A weight function, with the facts of its comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extrinsic {
    /// The name of the function.
    pub name: String,
    /// The line of the function, starting from 1. 0 for weights from raw results.
    pub line: usize,
    /// The arguments of the function, in their order.
    pub components: Vec<Component>,
    /// The cost, or the reason why the function is unreadable.
    pub cost: std::result::Result<Cost, Unreadable>,
    /// The storage items that the comments list.
    pub storage: Vec<AccessedItem>,
    /// The recorded proof size in bytes, from the comment `Measured`.
    pub measured_proof: Option<Linear>,
    /// The estimated proof size in bytes, from the comment `Estimated`.
    pub estimated_proof: Option<Linear>,
    /// The minimum execution time, in picoseconds.
    pub minimum_time: Option<u64>,
    /// The standard errors of the slopes of time, in the order of their terms.
    pub standard_errors: Vec<u64>,
}

/// A component of a weight function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The name of the argument: `n`.
    pub name: String,
    /// The least and the greatest measured value.
    pub range: Option<(u64, u64)>,
}

/// The reason why a function's weight is not a supported sum, and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The reason in words.
    pub reason: String,
    /// The line in the file, starting from 1.
    pub line: usize,
    /// The column in characters, starting from 1.
    pub column: usize,
}

impl WeightFile {
    /// Reads and parses a file.
    ///
    /// Fails if it is too large, not UTF-8, or not a weight file.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&Self::text(path)?, &path.display().to_string())
    }

    /// Reads the text of a file that may be a weight file.
    ///
    /// Fails if it is too large or not UTF-8.
    pub fn text(path: &Path) -> Result<String> {
        String::from_utf8(files::read_bounded(path, SIZE_LIMIT)?).map_err(|_| {
            Failure::input(format!("{} is no weight file", path.display())).found("bytes that are not UTF-8")
        })
    }

    /// Parses a weight file. `name` is the file's name in messages.
    ///
    /// Fails if the source has no implementation of weight functions.
    pub fn parse(source: &str, name: &str) -> Result<Self> {
        let file = Self::parse_any(source, name)?;
        if file.implementations.is_empty() {
            return Err(Failure::input(format!("{name} is no weight file"))
                .found("no implementation of weight functions")
                .expected(
                    "`impl … WeightInfo for …` or `impl<T> WeightInfo<T>` with functions that return a `Weight`",
                ));
        }
        Ok(file)
    }

    /// Parses any Rust source, with or without weight functions.
    ///
    /// Fails if a comment or a literal has no end.
    pub fn parse_any(text: &str, name: &str) -> Result<Self> {
        let source = Source::new(text, name)?;
        let tokens = &source.tokens;
        let mut header = Header::default();
        let mut in_command = false;
        for token in tokens.iter().take_while(|token| token.kind == Kind::Comment || !token.is("use")) {
            if token.kind == Kind::Comment {
                header.read(token.text, &mut in_command);
            }
        }
        let implementations =
            impl_blocks(&source).into_iter().filter_map(|block| implementation(&source, block)).collect();
        Ok(Self { name: name.to_owned(), header, implementations })
    }

    /// Returns the weights of the generic implementation, or of the only one.
    pub fn extrinsics(&self) -> &[Extrinsic] {
        let generic = self.implementations.iter().find(|one| one.for_type != "()");
        generic.or(self.implementations.first()).map(|one| one.extrinsics.as_slice()).unwrap_or_default()
    }

    /// Returns the pallet's name, from the header or else from the trait.
    pub fn pallet(&self) -> Option<String> {
        let of_trait = self.implementations.iter().find_map(|one| one.of_trait.as_deref()?.rsplit_once("::"));
        let of_trait = of_trait.map(|(path, _)| path.to_owned()).filter(|path| path != "crate");
        self.header.pallet.clone().or(of_trait)
    }
}

/// The location of an implementation of weight functions, as indices of tokens.
struct ImplBlock {
    /// The keyword `impl`.
    at: usize,
    /// The opening and the closing brace.
    block: (usize, usize),
    of_trait: Option<String>,
    for_type: String,
}

/// Returns the implementations of weight functions in a source.
fn impl_blocks(source: &Source<'_>) -> Vec<ImplBlock> {
    let tokens = &source.tokens;
    let (mut list, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let block = tokens[at].is("impl").then(|| source.block(at)).flatten();
        if let Some(block) = block.filter(|(open, _)| open - at < HEAD_LIMIT)
            && let Some((of_trait, for_type)) = weight_impl(&tokens[at..block.0])
        {
            list.push(ImplBlock { at, block, of_trait, for_type });
            at = block.1;
        }
        at += 1;
    }
    list
}

/// Returns the trait and the type of an `impl` with this head. `None` if it is not an
/// implementation of weight functions.
fn weight_impl(head: &[Token<'_>]) -> Option<(Option<String>, String)> {
    let (of_trait, for_type) = trait_and_type(head);
    let last = |path: &str| path.split('<').next().unwrap_or(path).rsplit("::").next().unwrap_or_default().to_owned();
    let is_weights = match &of_trait {
        // An implementation of `XcmWeightInfo` calls weight functions. It does not contain them.
        Some(path) => last(path).ends_with("WeightInfo") && last(path) != "XcmWeightInfo",
        None => last(&for_type).ends_with("WeightInfo") || last(&for_type) == "SubstrateWeight",
    };
    is_weights.then_some((of_trait, for_type))
}

/// Parses an implementation. Returns `None` if it has no weight functions.
fn implementation(source: &Source<'_>, block: ImplBlock) -> Option<Implementation> {
    let ImplBlock { block: (open, close), of_trait, for_type, .. } = block;
    let mut extrinsics = Vec::new();
    let mut database = None;
    let mut facts = Facts::default();
    let mut at = open + 1;
    while at < close {
        let token = &source.tokens[at];
        if token.kind == Kind::Comment {
            facts.read(token.text);
        } else if token.is("fn") {
            let Some(function) = Function::find(source, at) else { break };
            let facts = std::mem::take(&mut facts);
            if function.returns_weight {
                database = database.or_else(|| database_of(function.body(source)));
                extrinsics.push(function.parse(source, facts));
            }
            at = function.block.1;
        }
        at += 1;
    }
    (!extrinsics.is_empty()).then_some(Implementation { of_trait, for_type, database, extrinsics })
}

/// Returns the trait and the type of `impl<…> Trait for Type`, as in the source but without spaces.
/// The trait is `None` for `impl<…> Type`.
fn trait_and_type(head: &[Token<'_>]) -> (Option<String>, String) {
    let mut rest = head.get(1..).unwrap_or_default();
    if rest.first().is_some_and(|token| token.is("<")) {
        let mut open = 0i64;
        let end = rest.iter().position(|token| {
            open += i64::from(token.is("<")) - i64::from(token.is(">"));
            open == 0
        });
        rest = end.and_then(|end| rest.get(end + 1..)).unwrap_or_default();
    }
    let text = |tokens: &[Token<'_>]| {
        let before_where = tokens.iter().take_while(|token| !token.is("where"));
        before_where.filter(|token| token.kind != Kind::Comment).map(|token| token.text).collect::<String>()
    };
    match rest.iter().position(|token| token.is("for")) {
        Some(at) => (Some(text(&rest[..at])), text(&rest[at + 1..])),
        None => (None, text(rest)),
    }
}

/// Returns the path of the database's weights in a function's body.
fn database_of(body: &[Token<'_>]) -> Option<String> {
    let at = body.iter().position(|token| token.kind == Kind::Identifier && token.text.ends_with("DbWeight"))?;
    let generic = at.checked_sub(1).and_then(|before| body.get(before)).is_some_and(|token| token.is(":"));
    Some(if generic { format!("T::{}", body[at].text) } else { body[at].text.to_owned() })
}

/// The locations of a function's parts, as indices of tokens.
struct Function {
    name: usize,
    /// The opening and the closing parenthesis.
    arguments: (usize, usize),
    /// The opening and the closing brace.
    block: (usize, usize),
    /// Whether the function returns a `Weight`.
    returns_weight: bool,
}

impl Function {
    /// Returns the function whose `fn` is at `at`. `None` if it is incomplete or has no body.
    fn find(source: &Source<'_>, at: usize) -> Option<Self> {
        let ahead = source.tokens[at..].iter().take(HEAD_LIMIT);
        let open = at + ahead.into_iter().position(|token| token.is("("))?;
        let close = source.closing(open)?;
        let block = source.block(close)?;
        let result = source.tokens[close..block.0].iter().rev().find(|token| token.kind == Kind::Identifier);
        Some(Self {
            name: at + 1,
            arguments: (open, close),
            block,
            returns_weight: result.is_some_and(|token| token.text == "Weight"),
        })
    }

    /// Returns the tokens between the braces.
    fn body<'tokens, 'source>(&self, source: &'tokens Source<'source>) -> &'tokens [Token<'source>] {
        &source.tokens[self.block.0 + 1..self.block.1]
    }

    /// Parses the function. `facts` are those of the comments before it.
    fn parse(&self, source: &Source<'_>, mut facts: Facts) -> Extrinsic {
        let body = self.body(source);
        body.iter().filter(|token| token.kind == Kind::Comment).for_each(|token| facts.read(token.text));
        let arguments = &source.tokens[self.arguments.0 + 1..self.arguments.1];
        let is_name = |pair: &&[Token<'_>]| pair[0].kind == Kind::Identifier && pair[1].is(":");
        let argument_names: Vec<&str> = arguments.windows(2).filter(is_name).map(|pair| pair[0].text).collect();
        // If the weight does not depend on an argument, its name has an underscore: `_n`. Comments
        // have the name without it.
        let components = argument_names
            .iter()
            .map(|name| name.strip_prefix('_').unwrap_or(name))
            .map(|name| Component { name: name.to_owned(), range: facts.ranges.get(name).copied() });
        let names: Vec<String> = argument_names.iter().map(|name| (*name).to_owned()).collect();
        let end = source.tokens[self.block.1].offset;
        let cost = expression::evaluate(body, end, &names).map_err(|error| {
            let (line, column) = source.position(error.offset);
            Unreadable { reason: error.reason, line, column }
        });
        Extrinsic {
            name: source.tokens[self.name].text.to_owned(),
            line: source.position(source.tokens[self.name].offset).0,
            components: components.collect(),
            cost,
            storage: facts.storage,
            measured_proof: facts.measured,
            estimated_proof: facts.estimated,
            minimum_time: facts.minimum_time,
            standard_errors: facts.standard_errors,
        }
    }
}

#[cfg(test)]
mod tests;
