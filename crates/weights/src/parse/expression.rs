// SPDX-License-Identifier: Apache-2.0
//! Evaluation of the bodies of weight functions as formulas of their components: sums of weights,
//! multiples of components, and database reads and writes. A body that is not linear in the
//! components is an error.

use super::token::{Kind, Token};
use crate::formula::{Cost, Linear};
use std::collections::BTreeMap;

/// The maximum nesting of an expression. It bounds the recursion.
const DEPTH_LIMIT: u32 = 64;

/// The reason why a body could not be evaluated, and the byte offset of the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationError {
    pub reason: String,
    pub offset: usize,
}

type Evaluated<T> = Result<T, EvaluationError>;

/// The value of an expression.
#[derive(Clone, Debug)]
enum Value {
    Number(Linear),
    Weight(Cost),
    /// `T::DbWeight::get()`.
    Database,
}

/// Evaluates the tokens between a function's braces. `end` is the byte offset of the closing brace,
/// and `components` are the names of the arguments.
///
/// Fails if the body is not a supported sum.
pub fn evaluate(tokens: &[Token<'_>], end: usize, components: &[String]) -> Evaluated<Cost> {
    let code: Vec<Token<'_>> = tokens.iter().filter(|token| token.kind != Kind::Comment).copied().collect();
    let names = components.iter().map(|name| (name.clone(), Value::Number(Linear::component(name)))).collect();
    let mut evaluator = Evaluator { tokens: &code, at: 0, end, names, depth: 0 };
    while evaluator.accept("let") {
        let name = evaluator.identifier()?;
        evaluator.expect("=")?;
        let value = evaluator.sum()?;
        evaluator.expect(";")?;
        evaluator.names.insert(name, value);
    }
    let value = evaluator.sum()?;
    match evaluator.tokens.get(evaluator.at) {
        None => evaluator.weight(value),
        Some(token) => evaluator.fail(format!("`{}` after the weight", cut(token.text))),
    }
}

/// A recursive descent parser that evaluates what it parses.
struct Evaluator<'tokens, 'source> {
    tokens: &'tokens [Token<'source>],
    at: usize,
    /// The byte offset of the body's end, for errors about missing tokens.
    end: usize,
    names: BTreeMap<String, Value>,
    depth: u32,
}

impl Evaluator<'_, '_> {
    /// Returns an error at the current token.
    fn fail<T>(&self, reason: impl Into<String>) -> Evaluated<T> {
        let offset = self.tokens.get(self.at).map_or(self.end, |token| token.offset);
        Err(EvaluationError { reason: reason.into(), offset })
    }

    fn accept(&mut self, text: &str) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|token| token.is(text));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, text: &str) -> Evaluated<()> {
        if self.accept(text) {
            return Ok(());
        }
        let found = self.tokens.get(self.at).map_or("the end".into(), |token| format!("`{}`", cut(token.text)));
        self.fail(format!("{found} where `{text}` was expected"))
    }

    fn accept_path(&mut self) -> bool {
        let [first, second] = [0, 1].map(|ahead| self.tokens.get(self.at + ahead).is_some_and(|token| token.is(":")));
        self.at += 2 * usize::from(first && second);
        first && second
    }

    fn identifier(&mut self) -> Evaluated<String> {
        match self.tokens.get(self.at) {
            Some(token) if token.kind == Kind::Identifier => {
                self.at += 1;
                Ok(token.text.to_owned())
            }
            _ => self.fail("a name is missing"),
        }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Evaluated<T>) -> Evaluated<T> {
        if self.depth >= DEPTH_LIMIT {
            return self.fail("an expression nested too deeply");
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn sum(&mut self) -> Evaluated<Value> {
        let mut value = self.product()?;
        while self.accept("+") {
            let other = self.product()?;
            value = self.added(value, other)?;
        }
        Ok(value)
    }

    fn product(&mut self) -> Evaluated<Value> {
        let mut value = self.cast()?;
        while self.accept("*") {
            let other = self.cast()?;
            value = self.multiplied(value, other)?;
        }
        Ok(value)
    }

    fn cast(&mut self) -> Evaluated<Value> {
        let value = self.chain()?;
        while self.accept("as") {
            // Also `as Weight`: old weights were a number of picoseconds.
            self.identifier()?;
        }
        Ok(value)
    }

    fn chain(&mut self) -> Evaluated<Value> {
        let mut value = self.primary()?;
        while self.accept(".") {
            let method = self.identifier()?;
            let arguments = self.arguments()?;
            value = self.method(value, &method, arguments)?;
        }
        Ok(value)
    }

    fn arguments(&mut self) -> Evaluated<Vec<Value>> {
        self.expect("(")?;
        let mut list = Vec::new();
        while !self.accept(")") {
            let value = self.nested(Self::sum)?;
            list.push(value);
            if !self.accept(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(list)
    }

    fn primary(&mut self) -> Evaluated<Value> {
        let Some(token) = self.tokens.get(self.at) else { return self.fail("the function has no weight") };
        if token.kind == Kind::Number {
            let Some(number) = number(token.text) else {
                return self.fail(format!("no number: {}", cut(token.text)));
            };
            self.at += 1;
            return Ok(Value::Number(Linear::constant(number)));
        }
        if self.accept("(") {
            let value = self.nested(Self::sum)?;
            self.expect(")")?;
            return Ok(value);
        }
        let path = self.path()?;
        self.resolve(&path)
    }

    /// Parses a path such as `a::b::c` or `<T as Trait>::b`. Returns its last two names.
    fn path(&mut self) -> Evaluated<(String, String)> {
        let mut names = (String::new(), String::new());
        if self.accept("<") {
            let mut open = 1;
            while open > 0 {
                match self.tokens.get(self.at) {
                    Some(token) if token.is("<") => open += 1,
                    Some(token) if token.is(">") => open -= 1,
                    Some(_) => {}
                    None => return self.fail("a `<` without its `>`"),
                }
                self.at += 1;
            }
            if !self.accept_path() {
                return self.fail("a type where a weight was expected");
            }
        }
        loop {
            names = (names.1, self.identifier()?);
            if !self.accept_path() {
                return Ok(names);
            }
        }
    }

    /// Returns the value of a name, a constant or a function call.
    fn resolve(&mut self, (of, name): &(String, String)) -> Evaluated<Value> {
        if of.is_empty()
            && let Some(value) = self.names.get(name)
        {
            return Ok(value.clone());
        }
        if let Some(number) = constant(name) {
            return Ok(Value::Number(Linear::constant(number)));
        }
        let start = self.at;
        if of == "Weight" && name == "MAX" {
            let all = Linear::constant(u64::MAX);
            return Ok(Value::Weight(Cost { time: all.clone(), proof: all, ..Cost::default() }));
        }
        if !self.tokens.get(self.at).is_some_and(|token| token.is("(")) {
            self.at -= 1;
            return self.fail(format!("`{}` is not defined in this file", cut(name)));
        }
        let arguments = self.arguments()?;
        let end = std::mem::replace(&mut self.at, start - 1);
        let value = self.call(of, name, arguments)?;
        self.at = end;
        Ok(value)
    }

    fn call(&mut self, of: &str, name: &str, arguments: Vec<Value>) -> Evaluated<Value> {
        let cost = |time, proof| Value::Weight(Cost { time, proof, ..Cost::default() });
        match (of, name, arguments.as_slice()) {
            ("Weight", "from_parts", [time, proof]) => Ok(cost(self.number(time)?, self.number(proof)?)),
            ("Weight", "from_ref_time", [time]) => Ok(cost(self.number(time)?, Linear::default())),
            ("Weight", "from_proof_size", [proof]) => Ok(cost(Linear::default(), self.number(proof)?)),
            ("Weight", "from_all", [all]) => Ok(cost(self.number(all)?, self.number(all)?)),
            ("Weight" | "Default", "zero" | "default", []) => Ok(Value::Weight(Cost::default())),
            (_, "get", []) if of.ends_with("DbWeight") => Ok(Value::Database),
            ("u64" | "u32" | "u128", "from", [value]) => Ok(Value::Number(self.number(value)?)),
            _ => self.fail(format!("unknown weight function `{}`", cut(name))),
        }
    }

    fn method(&mut self, value: Value, method: &str, arguments: Vec<Value>) -> Evaluated<Value> {
        let database = |reads, writes| Value::Weight(Cost { reads, writes, ..Cost::default() });
        let end = self.at;
        self.at = self.at.saturating_sub(1);
        let result = match (value, method, arguments.as_slice()) {
            (value, "into" | "clone", []) => Ok(value),
            (value, "saturating_add" | "add", [other]) => self.added(value, other.clone()),
            (value, "saturating_mul" | "mul", [factor]) => self.multiplied(value, factor.clone()),
            (Value::Database, "reads", [count]) => Ok(database(self.number(count)?, Linear::default())),
            (Value::Database, "writes", [count]) => Ok(database(Linear::default(), self.number(count)?)),
            (Value::Database, "reads_writes", [reads, writes]) => {
                Ok(database(self.number(reads)?, self.number(writes)?))
            }
            (Value::Weight(cost), "set_proof_size", [proof]) => {
                Ok(Value::Weight(Cost { proof: self.number(proof)?, ..cost }))
            }
            (Value::Weight(cost), "set_ref_time", [time]) => {
                Ok(Value::Weight(Cost { time: self.number(time)?, ..cost }))
            }
            _ => self.fail(format!("unknown weight method `.{}`", cut(method))),
        };
        self.at = end;
        result
    }

    fn added(&self, left: Value, right: Value) -> Evaluated<Value> {
        match (left, right) {
            (Value::Number(mut left), Value::Number(right)) => {
                left.add(&right);
                Ok(Value::Number(left))
            }
            (left, right) => {
                let mut sum = self.weight(left)?;
                sum.add(&self.weight(right)?);
                Ok(Value::Weight(sum))
            }
        }
    }

    fn multiplied(&self, left: Value, right: Value) -> Evaluated<Value> {
        let product = match (&left, &right) {
            (Value::Number(left), Value::Number(right)) => left.times(right).map(Value::Number),
            (Value::Weight(cost), Value::Number(factor)) | (Value::Number(factor), Value::Weight(cost)) => {
                cost.times(factor).map(Value::Weight)
            }
            _ => return self.fail("a weight multiplied by a weight"),
        };
        product.map_or_else(|| self.fail("a product of components, which is not linear"), Ok)
    }

    fn number(&self, value: &Value) -> Evaluated<Linear> {
        match value {
            Value::Number(number) => Ok(number.clone()),
            _ => self.fail("a weight where a number was expected"),
        }
    }

    fn weight(&self, value: Value) -> Evaluated<Cost> {
        match value {
            Value::Weight(cost) => Ok(cost),
            Value::Number(time) => Ok(Cost::of_time(time)),
            Value::Database => self.fail("the database's weights where a weight was expected"),
        }
    }
}

/// Parses `1_000`, `5u64` or `0xff_u64`. Returns `None` if it does not fit into 64 bits.
fn number(text: &str) -> Option<u64> {
    let digits = text.find('u').map_or(text, |at| &text[..at]);
    let digits: String = digits.chars().filter(|one| *one != '_').collect();
    let radix = [("0x", 16), ("0b", 2), ("0o", 8)];
    match radix.iter().find_map(|(prefix, radix)| Some((digits.strip_prefix(prefix)?, *radix))) {
        Some((digits, radix)) => u64::from_str_radix(digits, radix).ok(),
        None => digits.parse().ok(),
    }
}

/// Returns a constant of `sp_weights`, in picoseconds or bytes.
fn constant(name: &str) -> Option<u64> {
    Some(match name {
        "WEIGHT_REF_TIME_PER_SECOND" => 1_000_000_000_000,
        "WEIGHT_REF_TIME_PER_MILLIS" => 1_000_000_000,
        "WEIGHT_REF_TIME_PER_MICROS" => 1_000_000,
        "WEIGHT_REF_TIME_PER_NANOS" | "WEIGHT_PER_NANOS" => 1_000,
        "WEIGHT_PROOF_SIZE_PER_MB" => 1024 * 1024,
        "WEIGHT_PROOF_SIZE_PER_KB" => 1024,
        _ => return None,
    })
}

/// Returns the beginning of a text, for messages.
fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::token::Source, *};

    fn evaluated(source: &str) -> Evaluated<Cost> {
        evaluate(&Source::new(source, "a.rs").expect("tokens").tokens, source.len(), &["n".into(), "m".into()])
    }

    /// Returns time, proof, reads and writes, each as base and slope of `n`.
    fn parts(source: &str) -> [(u64, u64); 4] {
        let cost = evaluated(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
        [cost.time, cost.proof, cost.reads, cost.writes]
            .map(|part| (part.base, part.slopes.get("n").copied().unwrap_or_default()))
    }

    #[test]
    fn every_form_of_a_weight_is_evaluated() {
        let none = (0, 0);
        for (source, expected) in [
            ("Weight::from_parts(1_000, 7)", [(1000, 0), (7, 0), none, none]),
            ("Weight::from_parts(5, 0).saturating_add(Weight::from_parts(0, 9))", [(5, 0), (9, 0), none, none]),
            (
                "Weight::from_parts(5, 0)\n// Standard Error: 3\n.saturating_add(Weight::from_parts(2, 3).saturating_mul(n.into()))",
                [(5, 2), (0, 3), none, none],
            ),
            ("Weight::zero().saturating_add(T::DbWeight::get().reads(3_u64))", [none, none, (3, 0), none]),
            (
                "Weight::zero().saturating_add(RocksDbWeight::get().writes((2_u64).saturating_mul(n.into())))",
                [none, none, none, (0, 2)],
            ),
            ("<T as frame_system::Config>::DbWeight::get().reads_writes(1, 2)", [none, none, (1, 0), (2, 0)]),
            ("Weight::from_parts(35u64 * WEIGHT_REF_TIME_PER_MICROS, 0)", [(35_000_000, 0), none, none, none]),
            ("Weight::from_parts(4 * n as u64 + 10, 0)", [(10, 4), none, none, none]),
            (
                "(24_000 as Weight).saturating_add((34 as Weight).saturating_mul(n as Weight))",
                [(24_000, 34), none, none, none],
            ),
            ("DbWeight::get().reads(10 + 2 * n as u64)", [none, none, (10, 2), none]),
            (
                "let weight = Weight::from_parts(1, 2); weight.saturating_mul(u64::from(n))",
                [(0, 1), (0, 2), none, none],
            ),
            ("Weight::from_ref_time(3).set_proof_size(4)", [(3, 0), (4, 0), none, none]),
            ("Weight::from_parts(0x10_u64, 0b11)", [(16, 0), (3, 0), none, none]),
            ("Weight::from_parts(0o17, 0).clone()", [(15, 0), none, none, none]),
            ("Weight::from_all(6)", [(6, 0), (6, 0), none, none]),
            ("Weight::from_proof_size(u64::from(n) * 2)", [none, (0, 2), none, none]),
            ("Default::default()", [none, none, none, none]),
            ("Weight::zero().set_ref_time(3).add(Weight::from_parts(1, 1))", [(4, 0), (1, 0), none, none]),
            ("Weight::from_parts(2, 1).mul(3)", [(6, 0), (3, 0), none, none]),
            ("5 * Weight::from_parts(2, 1)", [(10, 0), (5, 0), none, none]),
            (
                "Weight::from_parts(WEIGHT_REF_TIME_PER_SECOND, WEIGHT_PROOF_SIZE_PER_MB)",
                [(1_000_000_000_000, 0), (1_048_576, 0), none, none],
            ),
            (
                "Weight::from_parts(constants::WEIGHT_REF_TIME_PER_MILLIS + WEIGHT_REF_TIME_PER_NANOS, WEIGHT_PROOF_SIZE_PER_KB)",
                [(1_000_001_000, 0), (1024, 0), none, none],
            ),
            ("Weight::from_parts(WEIGHT_PER_NANOS, 0,)", [(1000, 0), none, none, none]),
            ("<<T as A>::B as C>::DbWeight::get().writes(n as u64)", [none, none, none, (0, 1)]),
            ("let a = 2; let b = a * 3; Weight::from_parts(b, a)", [(6, 0), (2, 0), none, none]),
            ("Weight::MAX", [(u64::MAX, 0), (u64::MAX, 0), none, none]),
        ] {
            assert_eq!(parts(source), expected, "{source}");
        }
    }

    #[test]
    fn an_unsupported_expression_is_reported_with_its_position() {
        for (source, reason, offset) in [
            ("", "no weight", 0),
            ("Weight::from_parts(n as u64 * m as u64, 0)", "not linear", 38),
            ("Self::other()", "`other`", 6),
            ("Weight::from_parts(1, 2) + limit", "`limit`", 27),
            ("Weight::from_parts(1, 2).pow(3)", "`.pow`", 30),
            ("Weight::from_parts(1", "`)`", 20),
            ("Weight::from_parts(99999999999999999999, 0)", "no number", 19),
            ("Weight::zero() }", "after the weight", 15),
            ("T::DbWeight::get()", "database", 18),
            ("Weight::from_parts(Weight::zero(), 0)", "a weight where a number", 8),
            ("Weight::zero() * Weight::zero()", "a weight multiplied by a weight", 31),
            ("T::DbWeight::get().reads(1) + T::DbWeight::get()", "database", 48),
            ("<T as Config", "without its `>`", 12),
            ("<T as Config> + 1", "a type where a weight", 14),
            ("::zero()", "a name is missing", 0),
            ("let 5 = 3; n", "a name is missing", 4),
            ("let a 3; n", "`=`", 6),
            ("let a = 3", "`;`", 9),
            ("Weight::from_parts(1, 2, 3)", "`from_parts`", 8),
            ("Weight::from_parts(1 2)", "`)`", 21),
            ("Weight::zero().reads(1)", "`.reads`", 22),
            ("Weight::from_parts(0xfg, 0)", "no number", 19),
            ("Weight::zero() as 5", "a name is missing", 18),
        ] {
            let error = evaluated(source).expect_err(source);
            assert!(error.reason.contains(reason), "{source}: {error:?}");
            assert_eq!(error.offset, offset, "{source}");
        }
        assert!(evaluated(&"(".repeat(100_000)).expect_err("deep").reason.contains("too deeply"));
    }
}
