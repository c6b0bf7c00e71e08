// SPDX-License-Identifier: Apache-2.0
//! Serializers of the fields of requests that hold addresses of nodes.
//!
//! An address may hold a key, so that [`Endpoint`], [`Live`](crate::Live) and [`Source`] are written without it wherever they
//! are written. A worker needs it whole. A field of a request says so: `#[serde(serialize_with = "exposed::one")]`. What is
//! written this way goes to a worker's standard input and nowhere else.

use crate::{Endpoint, Live, Source};
use serde::{Serialize, Serializer};

/// Returns a serializable view of a value with whole addresses.
pub trait Exposed {
    fn exposed(&self) -> impl Serialize;
}

#[derive(Serialize)]
struct SerializedNodes<'a> {
    nodes: Vec<&'a str>,
    at: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum SerializedSource<'a> {
    Text(String),
    Nodes(SerializedNodes<'a>),
}

impl Exposed for Endpoint {
    fn exposed(&self) -> impl Serialize {
        self.expose()
    }
}

impl Exposed for Live {
    fn exposed(&self) -> impl Serialize {
        serialized_nodes(self)
    }
}

impl Exposed for Source {
    fn exposed(&self) -> impl Serialize {
        match self {
            Self::Node(live) => SerializedSource::Nodes(serialized_nodes(live)),
            other => SerializedSource::Text(other.to_string()),
        }
    }
}

fn serialized_nodes(live: &Live) -> SerializedNodes<'_> {
    SerializedNodes { nodes: live.nodes.iter().map(Endpoint::expose).collect(), at: live.at.as_deref() }
}

/// Writes one value whole.
pub fn one<T: Exposed, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.exposed().serialize(serializer)
}

/// Writes a value whole, or null.
pub fn optional<T: Exposed, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(Exposed::exposed).serialize(serializer)
}

/// Writes every value of a list whole.
pub fn list<T: Exposed, S: Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(Exposed::exposed))
}
