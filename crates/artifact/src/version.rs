// SPDX-License-Identifier: Apache-2.0
//! The version of a runtime, in every layout of `RuntimeVersion`.
//!
//! Fields were only added at the end: first `transaction_version`, then the state version. A field
//! that an old runtime does not have is `None` here.

use crate::hashes::blake2_64;
use codec::{Decode, Encode};
use protocol::inspect::Api;
use serde::{Deserialize, Serialize};
use worker::{Failure, Result};

/// The size of one entry in the section `runtime_apis`: the identifier of an API and its version.
const API_ENTRY: usize = 12;
/// The largest number of runtime APIs. Real runtimes have about thirty.
const API_LIMIT: usize = 4096;
/// The longest name in bytes.
const NAME_LIMIT: usize = 256;

/// The version of a runtime (`sp_version::RuntimeVersion`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The name of the runtime.
    pub spec_name: String,
    /// The name of the implementation.
    pub impl_name: String,
    /// The version of the authoring interface.
    pub authoring_version: u32,
    /// The version of the runtime.
    pub spec_version: u32,
    /// The version of the implementation.
    pub impl_version: u32,
    /// The runtime APIs.
    pub apis: Vec<Api>,
    /// The version of the transaction format. Missing in runtimes from before mid-2020.
    pub transaction_version: Option<u32>,
    /// The layout of the state trie. Missing in runtimes from before 2022, which all use layout 0.
    pub state_version: Option<u8>,
}

/// Returns an API, with its name if the identifier is known.
pub fn api(id: [u8; 8], version: u32) -> Api {
    let name = KNOWN_APIS.iter().find(|name| blake2_64(name.as_bytes()) == id).map(|name| (*name).to_owned());
    Api { id: hex::encode_prefixed(id), name, version }
}

impl Version {
    /// Decodes a SCALE `RuntimeVersion`, as `Core_version` returns it and the `runtime_version`
    /// section holds it.
    pub fn decode(name: &str, mut bytes: &[u8]) -> Result<Self> {
        let input = &mut bytes;
        let broken = |_| {
            Failure::input(format!("the version in {name} cannot be decoded"))
                .found("bytes of another layout")
                .expected("a SCALE RuntimeVersion")
        };
        let spec_name = name_of(input).map_err(broken)?;
        let impl_name = name_of(input).map_err(broken)?;
        let authoring_version = u32::decode(input).map_err(broken)?;
        let spec_version = u32::decode(input).map_err(broken)?;
        let impl_version = u32::decode(input).map_err(broken)?;
        let apis = Vec::<([u8; 8], u32)>::decode(input).map_err(broken)?;
        if apis.len() > API_LIMIT {
            return Err(too_many_apis(name, apis.len()));
        }
        let apis = apis.into_iter().map(|(id, version)| api(id, version)).collect();
        let transaction_version = match input.is_empty() {
            true => None,
            false => Some(u32::decode(input).map_err(broken)?),
        };
        let state_version = match input.is_empty() {
            true => None,
            false => Some(u8::decode(input).map_err(broken)?),
        };
        // A newer runtime may have more fields after these.
        Ok(Self {
            spec_name,
            impl_name,
            authoring_version,
            spec_version,
            impl_version,
            apis,
            transaction_version,
            state_version,
        })
    }

    /// Returns the layout of the state trie: 0 for runtimes without a state version.
    pub fn effective_state_version(&self) -> u8 {
        self.state_version.unwrap_or(0)
    }

    /// Returns the version of a runtime API by its name.
    pub fn api(&self, name: &str) -> Option<u32> {
        let id = hex::encode_prefixed(blake2_64(name.as_bytes()));
        self.apis.iter().find(|api| api.id == id).map(|api| api.version)
    }
}

/// Decodes the section `runtime_apis`: entries without a length prefix.
pub fn decode_apis(name: &str, bytes: &[u8]) -> Result<Vec<Api>> {
    if !bytes.len().is_multiple_of(API_ENTRY) {
        return Err(Failure::input(format!("the runtime_apis section of {name} cannot be decoded"))
            .found(format!("{} bytes", bytes.len()))
            .expected(format!("entries of {API_ENTRY} bytes")));
    }
    if bytes.len() / API_ENTRY > API_LIMIT {
        return Err(too_many_apis(name, bytes.len() / API_ENTRY));
    }
    let entries = bytes.chunks_exact(API_ENTRY).filter_map(|mut entry| <([u8; 8], u32)>::decode(&mut entry).ok());
    Ok(entries.map(|(id, version)| api(id, version)).collect())
}

fn too_many_apis(name: &str, count: usize) -> Failure {
    Failure::input(format!("{name} has too many runtime APIs"))
        .found(count.to_string())
        .expected(format!("at most {API_LIMIT}"))
}

/// Decodes a name. Names with control characters or direction marks are refused.
fn name_of(input: &mut &[u8]) -> std::result::Result<String, codec::Error> {
    let name = String::decode(input)?;
    if name.len() > NAME_LIMIT {
        return Err("name too long".into());
    }
    // The name is printed: it must not insert lines or change the direction of the text.
    let misleads = |one: char| {
        one.is_control() || matches!(one, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if name.chars().any(misleads) { Err("name with control characters".into()) } else { Ok(name) }
}

impl Version {
    /// Encodes the version in the current layout, for tests.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes =
            (&self.spec_name, &self.impl_name, self.authoring_version, self.spec_version, self.impl_version).encode();
        let apis: Vec<([u8; 8], u32)> = self
            .apis
            .iter()
            .filter_map(|api| {
                let id = hex::decode(api.id.trim_start_matches("0x")).ok()?;
                Some((<[u8; 8]>::try_from(id).ok()?, api.version))
            })
            .collect();
        apis.encode_to(&mut bytes);
        if let Some(version) = self.transaction_version {
            version.encode_to(&mut bytes);
            if let Some(version) = self.state_version {
                version.encode_to(&mut bytes);
            }
        }
        bytes
    }
}

/// The runtime APIs of the SDK and of the system chains.
const KNOWN_APIS: &[&str] = &[
    "AccountNonceApi",
    "AssetConversionApi",
    "AuraApi",
    "AuraUnincludedSegmentApi",
    "AuthorityDiscoveryApi",
    "AuthorizationFromRuntimeApi",
    "BabeApi",
    "BeefyApi",
    "BeefyMmrApi",
    "Benchmark",
    "BlockBuilder",
    "CollectCollationInfo",
    "ContractsApi",
    "ConvertTransactionRuntimeApi",
    "Core",
    "DebugRuntimeApi",
    "DryRunApi",
    "EthereumRuntimeRPCApi",
    "FungiblesApi",
    "GenesisBuilder",
    "GetCoreSelectorApi",
    "GetParachainInfo",
    "GrandpaApi",
    "KeyToIncludeInRelayParent",
    "LocationToAccountApi",
    "Metadata",
    "MmrApi",
    "NativeTokenManagementApi",
    "NimbusApi",
    "NominationPoolsApi",
    "OffchainWorkerApi",
    "ParachainHost",
    "RelayParentOffsetApi",
    "ReviveApi",
    "RuntimeViewFunction",
    "SessionKeys",
    "SlotSchedule",
    "StakingApi",
    "TaggedTransactionQueue",
    "TargetBlockRate",
    "TransactionPaymentApi",
    "TransactionPaymentCallApi",
    "TransactionStorageApi",
    "TrustedQueryApi",
    "TryRuntime",
    "ValidateStatement",
    "XcmPaymentApi",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn version() -> Version {
        Version {
            spec_name: "statemint".into(),
            impl_name: "statemint".into(),
            authoring_version: 1,
            spec_version: 1_002_003,
            impl_version: 4,
            apis: vec![api(blake2_64(b"Core"), 5), api([9; 8], 1)],
            transaction_version: Some(15),
            state_version: Some(1),
        }
    }

    #[test]
    fn every_layout_is_read() {
        let today = version();
        assert_eq!(Version::decode("blob", &today.to_bytes()).expect("read"), today);
        let older = Version { state_version: None, ..version() };
        assert_eq!(Version::decode("blob", &older.to_bytes()).expect("read"), older);
        let oldest = Version { transaction_version: None, state_version: None, ..version() };
        assert_eq!(Version::decode("blob", &oldest.to_bytes()).expect("read"), oldest);
        assert_eq!(oldest.effective_state_version(), 0);
        assert_eq!(today.api("Core"), Some(5));
        assert_eq!(today.api("Metadata"), None);
    }

    #[test]
    fn a_truncated_version_is_refused() {
        let bytes = version().to_bytes();
        let whole = [bytes.len() - 5, bytes.len() - 1, bytes.len()];
        for length in 0..bytes.len() {
            let read = Version::decode("blob", &bytes[..length]);
            assert_eq!(read.is_ok(), whole.contains(&length), "{length} of {}", bytes.len());
        }
    }

    #[test]
    fn the_apis_section_is_decoded() {
        let mut bytes = blake2_64(b"Metadata").to_vec();
        bytes.extend_from_slice(&2u32.to_le_bytes());
        let apis = decode_apis("blob", &bytes).expect("read");
        assert_eq!(apis, [Api { id: "0x37e397fc7c91f5e4".into(), name: Some("Metadata".into()), version: 2 }]);
        assert!(decode_apis("blob", &bytes[1..]).is_err());
    }
}
