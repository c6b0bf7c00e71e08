// SPDX-License-Identifier: Apache-2.0
//! Decoded calls and their values.
//!
//! The encoder and the decoder use the same type, so that an encoded call is verified with `==`.
//! Values have one normal form: a struct or tuple with a single field is that field (a newtype adds
//! nothing), and a vector or array of `u8` is [`Value::Bytes`].

use std::fmt::{self, Write};

/// The most bytes that are shown in full. Longer ones are shown by their beginning, length and
/// hash.
const SHOWN_BYTES: usize = 256;

/// A value of any type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A boolean.
    Bool(bool),
    /// An unsigned number of any width, compact or not.
    Number(u128),
    /// A signed number of any width.
    Signed(i128),
    /// A string.
    Text(String),
    /// A vector or array of `u8`.
    Bytes(Vec<u8>),
    /// A vector or array.
    List(Vec<Value>),
    /// A struct or tuple.
    Fields(Vec<Field>),
    /// A variant of an enum.
    Variant {
        /// The variant's name.
        name: String,
        /// The variant's fields.
        fields: Vec<Field>,
    },
    /// A call, shown as `Pallet.call { … }`.
    Call {
        /// The pallet's name.
        pallet: String,
        /// The call's name.
        name: String,
        /// The arguments.
        fields: Vec<Field>,
    },
}

/// A field of a struct, tuple, variant or call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name, if it has one.
    pub name: Option<String>,
    /// The field's value.
    pub value: Value,
}

impl Value {
    /// Returns bytes as a value.
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bytes(bytes.as_ref().to_vec())
    }

    /// Returns a variant without fields.
    pub fn unit_variant(name: &str) -> Self {
        Self::Variant { name: name.into(), fields: Vec::new() }
    }

    /// Returns a variant with one unnamed field, as `Some(x)` or `V5(message)`.
    pub fn variant(name: &str, value: Value) -> Self {
        Self::Variant { name: name.into(), fields: vec![Field { name: None, value }] }
    }

    /// Returns a variant with these fields.
    pub fn variant_of(name: &str, fields: Vec<Field>) -> Self {
        Self::Variant { name: name.into(), fields }
    }

    /// Returns the value of a struct's field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Fields(fields) => {
                fields.iter().find(|field| field.name.as_deref() == Some(name)).map(|field| &field.value)
            }
            _ => None,
        }
    }
}

/// Returns a named field.
pub fn named(name: &str, value: Value) -> Field {
    Field { name: Some(name.into()), value }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(out, "{value}"),
            Self::Number(value) => write!(out, "{value}"),
            Self::Signed(value) => write!(out, "{value}"),
            // `Debug` escapes control characters, which a terminal would interpret.
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
    fn values_are_shown_like_calls() {
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
