// SPDX-License-Identifier: Apache-2.0
//! Serializers for the fields of requests that contain addresses of nodes.
//!
//! An address may contain a key, so [`Endpoint`], [`Live`](crate::Live) and [`Source`] are
//! serialized without it. A worker needs the whole address. So the fields of requests have the
//! attribute `#[serde(serialize_with = "exposed::one")]`. Such requests are only written to a
//! worker's standard input.

use crate::{Endpoint, Live, Source};
use serde::{Serialize, Serializer};

/// Returns a serializable view of a value with whole addresses.
pub trait Exposed {
    /// Returns the view.
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

/// Serializes a value with whole addresses.
pub fn one<T: Exposed, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.exposed().serialize(serializer)
}

/// Serializes an optional value with whole addresses.
pub fn optional<T: Exposed, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(Exposed::exposed).serialize(serializer)
}

/// Serializes a list of values with whole addresses.
pub fn list<T: Exposed, S: Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(Exposed::exposed))
}
