// SPDX-License-Identifier: Apache-2.0
//! What a call means, apart from its bytes.
//!
//! The same tree is written by this crate as the intention and read back from the encoded bytes, so "the bytes say
//! what was meant" is `==`. For that to hold there is one normal form: a struct or tuple of a single field is its
//! field (a newtype carries no meaning of its own), and a run of `u8` is [`Value::Bytes`], whether a vector or an array.

use std::fmt::{self, Write};

/// Longer byte strings are shown by their beginning, their length and their hash.
const SHOWN_BYTES: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Bool(bool),
    /// Unsigned numbers of every width, compact or not.
    Number(u128),
    Signed(i128),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Fields(Vec<Field>),
    Variant {
        name: String,
        fields: Vec<Field>,
    },
    /// A variant of the runtime's call enum: it reads `Pallet.call { … }`.
    Call {
        pallet: String,
        name: String,
        fields: Vec<Field>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: Option<String>,
    pub value: Value,
}

impl Value {
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bytes(bytes.as_ref().to_vec())
    }

    pub fn unit_variant(name: &str) -> Self {
        Self::Variant { name: name.into(), fields: Vec::new() }
    }

    /// A variant with one field without a name, as in `Some(x)` or `V5(message)`.
    pub fn variant(name: &str, value: Value) -> Self {
        Self::Variant { name: name.into(), fields: vec![Field { name: None, value }] }
    }

    pub fn variant_of(name: &str, fields: Vec<Field>) -> Self {
        Self::Variant { name: name.into(), fields }
    }

    /// The field of that name, of a struct.
    pub fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Fields(fields) => {
                fields.iter().find(|field| field.name.as_deref() == Some(name)).map(|field| &field.value)
            }
            _ => None,
        }
    }
}

pub fn named(name: &str, value: Value) -> Field {
    Field { name: Some(name.into()), value }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(out, "{value}"),
            Self::Number(value) => write!(out, "{value}"),
            Self::Signed(value) => write!(out, "{value}"),
            // Debug escapes control characters, which would otherwise reach a terminal.
            Self::Text(text) => write!(out, "{text:?}"),
            Self::Bytes(bytes) => write_bytes(bytes, out),
            Self::List(items) => {
                out.write_char('[')?;
                for (position, item) in items.iter().enumerate() {
                    write!(out, "{}{item}", if position == 0 { "" } else { ", " })?;
                }
                out.write_char(']')
            }
            Self::Fields(fields) => write_fields(fields, out),
            Self::Variant { name, fields } => {
                out.write_str(name)?;
                match fields.first() {
                    None => Ok(()),
                    Some(Field { name: None, .. }) => write_fields(fields, out),
                    Some(_) => {
                        out.write_char(' ')?;
                        write_fields(fields, out)
                    }
                }
            }
            Self::Call { pallet, name, fields } => {
                write!(out, "{pallet}.{name}")?;
                if fields.is_empty() {
                    return Ok(());
                }
                out.write_char(' ')?;
                write_fields(fields, out)
            }
        }
    }
}

fn write_bytes(bytes: &[u8], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    if bytes.len() <= SHOWN_BYTES {
        return out.write_str(&hex::encode_prefixed(bytes));
    }
    let start = bytes.get(..16).unwrap_or_default();
    let hash = hex::encode_prefixed(crate::blake2_256(bytes));
    write!(out, "{}… ({} bytes, blake2_256 {hash})", hex::encode_prefixed(start), bytes.len())
}

fn write_fields(fields: &[Field], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let with_names = fields.iter().any(|field| field.name.is_some());
    out.write_str(if with_names { "{ " } else { "(" })?;
    for (position, field) in fields.iter().enumerate() {
        out.write_str(if position == 0 { "" } else { ", " })?;
        if let Some(name) = &field.name {
            write!(out, "{name}: ")?;
        }
        write!(out, "{}", field.value)?;
    }
    out.write_str(if with_names { " }" } else { ")" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_a_call() {
        let inner = Value::Call {
            pallet: "System".into(),
            name: "authorize_upgrade".into(),
            fields: vec![named("code_hash", Value::bytes([0xab, 1]))],
        };
        let outer = Value::Call { pallet: "Sudo".into(), name: "sudo".into(), fields: vec![named("call", inner)] };
        assert_eq!(outer.to_string(), "Sudo.sudo { call: System.authorize_upgrade { code_hash: 0xab01 } }");
        let location = Value::variant("X1", Value::List(vec![Value::variant("Parachain", Value::Number(1000))]));
        assert_eq!(location.to_string(), "X1([Parachain(1000)])");
        assert_eq!(Value::unit_variant("Root").to_string(), "Root");
    }

    #[test]
    fn long_bytes_and_control_characters_do_not_flood_the_terminal() {
        let text = Value::bytes(vec![7; 5000]).to_string();
        assert!(text.len() < 200 && text.contains("5000 bytes"), "{text}");
        assert_eq!(Value::Text("a\u{1b}[31m".into()).to_string(), r#""a\u{1b}[31m""#);
    }
}
