// SPDX-License-Identifier: Apache-2.0
//! `chainSpec_v1_*`: the name, the genesis hash and the properties of the chain.

use super::{
    rpc::{Methods, Registered},
    system,
};

/// Registers the methods.
pub fn register(methods: &mut Methods) -> Registered {
    methods.method("chainSpec_v1_chainName", |fork, _| Ok(fork.name.clone()))?;
    methods.method("chainSpec_v1_genesisHash", |fork, _| fork.genesis_hash())?;
    methods.method("chainSpec_v1_properties", |fork, _| system::properties(fork))
}
