// SPDX-License-Identifier: Apache-2.0
//! Weight constants in Rust source: `pub const BlockExecutionWeight: Weight = …;`.

use super::{
    expression,
    token::{Kind, Source, Token},
};
use crate::formula::Cost;

/// Returns the weight of a constant. `Name::field` is a field of a constant struct. Returns `None`
/// if the source has no such constant, or if its value is not a supported sum.
pub fn constant(text: &str, name: &str) -> Option<Cost> {
    let source = Source::new(text, "weights").ok()?;
    let (name, field) = name.split_once("::").map_or((name, None), |(name, field)| (name, Some(field)));
    let code: Vec<Token<'_>> = source.tokens.iter().filter(|token| token.kind != Kind::Comment).copied().collect();
    let at = code.windows(3).position(|three| three[0].is("const") && three[1].is(name) && three[2].is(":"))?;
    let start = at + code[at..].iter().position(|token| token.is("="))? + 1;
    let end = start + code[start..].iter().position(|token| token.is(";"))?;
    let value = &code[start..end];
    let Some(field) = field else { return weight(value, text.len()) };
    let start = value.windows(2).position(|two| two[0].is(field) && two[1].is(":"))? + 2;
    let mut depth = 0;
    let length = value[start..].iter().position(|token| {
        depth += i32::from(token.is("(")) - i32::from(token.is(")"));
        depth == 0 && (token.is(",") || token.is("}"))
    })?;
    weight(&value[start..start + length], text.len())
}

fn weight(tokens: &[Token<'_>], end: usize) -> Option<Cost> {
    expression::evaluate(tokens, end, &[]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_in_all_generated_forms_are_parsed() {
        let text = "parameter_types! {\n/// const Other: Weight = 1;\npub const BlockExecutionWeight: Weight =\n\tWeight::from_parts(WEIGHT_REF_TIME_PER_NANOS.saturating_mul(435_783), 7);\n pub const W: Weight = constants::WEIGHT_REF_TIME_PER_NANOS.saturating_mul(5);\n\
            pub const RocksDbWeight: RuntimeDbWeight = RuntimeDbWeight {\n/// read: 1\nread: 20_499 * constants::WEIGHT_REF_TIME_PER_NANOS,\nwrite: 83_471 * constants::WEIGHT_REF_TIME_PER_NANOS };\n}";
        let parts = |name: &str| constant(text, name).map(|cost| (cost.time.base, cost.proof.base));
        assert_eq!(parts("BlockExecutionWeight"), Some((435_783_000, 7)));
        assert_eq!(parts("W"), Some((5_000, 0)));
        assert_eq!(parts("RocksDbWeight::read"), Some((20_499_000, 0)));
        assert_eq!(parts("RocksDbWeight::write"), Some((83_471_000, 0)));
        for absent in ["Other", "RocksDbWeight", "RocksDbWeight::delete", "W::read", ""] {
            assert_eq!(parts(absent), None, "{absent}");
        }
    }

    #[test]
    fn truncated_source_does_not_panic() {
        let text = "pub const A: RuntimeDbWeight = RuntimeDbWeight { read: 1, write: (2) };";
        for end in 0..text.len() {
            let _ = constant(&text[..end], "A::write");
        }
        assert_eq!(constant(text, "A::write").map(|cost| cost.time.base), Some(2));
    }
}
