// SPDX-License-Identifier: Apache-2.0
//! Two runtimes compared: what is asked of the worker, and the documents `diff` and `diff --parameters` give.

use crate::{Check, Source, Verdict, exposed, format, inspect::SourceKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// Rules that may be broken, each with the reason, where there is one.
pub type AllowedRules = BTreeMap<String, Option<String>>;

/// What the worker of comparisons is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Everything that changed, whom it breaks and which rules it keeps: a [`DiffReport`].
    Diff {
        #[serde(serialize_with = "exposed::one")]
        old: Source,
        #[serde(serialize_with = "exposed::one")]
        new: Source,
        #[serde(default)]
        allow: AllowedRules,
        /// Whether the constants that changed are told in human units too.
        #[serde(default)]
        parameters: bool,
    },
    /// The constants that changed, in human units: a [`ParametersReport`].
    Parameters {
        #[serde(serialize_with = "exposed::one")]
        old: Source,
        #[serde(serialize_with = "exposed::one")]
        new: Source,
        /// Of the chain's token; without, the sources are asked.
        #[serde(default)]
        decimals: Option<u32>,
        #[serde(default)]
        symbol: Option<String>,
        /// Milliseconds between two blocks; without, constants are asked.
        #[serde(default)]
        block_time: Option<u64>,
    },
}

/// What `diff` gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffReport {
    #[schemars(schema_with = "format::diff")]
    pub format: String,
    pub old: ComparedRuntime,
    pub new: ComparedRuntime,
    /// Whether it is one blob.
    pub same: bool,
    pub verdict: Verdict,
    pub rules: Vec<Check>,
    /// Whom the changes concern.
    pub whom: Vec<Concerned>,
    pub changes: Vec<Change>,
    /// The constants that changed, in human units, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Parameter>>,
    /// What the metadata of a side does not tell, so that it could not be compared.
    pub untold: Vec<String>,
}

/// What `diff --parameters` gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParametersReport {
    #[schemars(schema_with = "format::parameters")]
    pub format: String,
    pub old: ComparedRuntime,
    pub new: ComparedRuntime,
    pub parameters: Vec<Parameter>,
}

/// One of the two runtimes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedRuntime {
    /// Where it was taken from, as the user named it.
    pub source: String,
    pub source_kind: SourceKind,
    pub spec_name: String,
    pub spec_version: u32,
    /// Null in runtimes from before mid-2020.
    pub transaction_version: Option<u32>,
    pub metadata_version: u32,
    /// Of the code as deployed, in bytes.
    pub code_size: u64,
    /// Of the code as deployed.
    pub blake2_256: String,
    pub storage_versions_from: StorageVersionsFrom,
}

/// What tells the storage version of each pallet: no metadata does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StorageVersionsFrom {
    /// The state that the runtime came with.
    State,
    /// The genesis state that the runtime itself builds: every pallet writes there the version of its code.
    Genesis,
    #[default]
    Unknown,
}

/// How many changes concern somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Concerned {
    pub who: Audience,
    pub label: String,
    pub changes: usize,
    /// How many of them break something.
    pub breaking: usize,
}

/// A constant that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parameter {
    pub pallet: String,
    /// With the path of its part, where it has several: `BlockWeights.max_block.ref_time`.
    pub constant: String,
    /// Null where the constant, or the part, is new.
    pub old: Option<String>,
    /// Null where the constant, or the part, is gone.
    pub new: Option<String>,
    /// Null for plain numbers and texts.
    pub unit: Option<String>,
}

/// Whom a change may break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Who signs: wallets, hardware wallets with what they know of a chain, offline signers.
    SignedTransactions,
    /// Calls that were encoded before and are dispatched after: XCM `Transact`, multisigs, scheduled calls, preimages of
    /// referenda, and proxies, whose types name calls.
    EncodedCalls,
    /// Who reads storage, events, errors and constants.
    IndexersAndFrontEnds,
    /// Contracts and precompiles that call into the runtime or read its parameters.
    Contracts,
    /// Nodes, collators and validators.
    Nodes,
}

impl Audience {
    pub const ALL: [Self; 5] =
        [Self::SignedTransactions, Self::EncodedCalls, Self::IndexersAndFrontEnds, Self::Contracts, Self::Nodes];

    /// Returns what people call them.
    pub fn label(self) -> &'static str {
        match self {
            Self::SignedTransactions => "signed transactions and hardware wallets",
            Self::EncodedCalls => "encoded calls kept elsewhere",
            Self::IndexersAndFrontEnds => "indexers and front ends",
            Self::Contracts => "smart contracts and precompiles",
            Self::Nodes => "nodes",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// What worked does not, or does something else.
    Breaking,
    /// It works on, and somebody will want to know.
    Notable,
    /// Nobody has to do anything.
    Harmless,
}

/// What changed. A thing that moved is moved, not removed and added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    SpecName,
    ImplName,
    AuthoringVersion,
    SpecVersion,
    ImplVersion,
    TransactionVersion,
    StateVersion,
    CodeSize,
    HostFunctionAdded,
    /// Newly imported too, and every node has had it for years.
    HostFunctionLongOffered,
    HostFunctionRemoved,

    PalletAdded,
    PalletRemoved,
    PalletRenamed,
    /// Another index, and so other first bytes of all its calls, events and errors.
    PalletMoved,
    StoragePrefixMoved,
    StorageVersion,

    CallAdded,
    CallRemoved,
    CallRenamed,
    CallMoved,
    /// Its index is another call's now, which takes something else.
    CallReplaced,
    CallArguments,
    /// Variants went: calls that hold one are refused, all others mean what they did.
    CallArgumentsShrunk,
    /// Old encodings mean what they did: variants came, or names changed.
    CallArgumentsGrown,

    StorageAdded,
    StorageRemoved,
    StorageHashers,
    StorageKey,
    /// Variants went: keys that hold one are not read any more.
    StorageKeyShrunk,
    StorageValue,
    /// Variants went: values that hold one are not read any more, all others as before.
    StorageValueShrunk,
    /// What is stored is read as before: variants came, or names changed.
    StorageValueGrown,
    StorageModifier,
    StorageDefault,

    ConstantAdded,
    ConstantRemoved,
    ConstantValue,
    ConstantType,

    EventAdded,
    EventRemoved,
    EventRenamed,
    EventMoved,
    EventReplaced,
    EventFields,
    EventFieldsGrown,

    ErrorAdded,
    ErrorRemoved,
    ErrorRenamed,
    ErrorMoved,
    ErrorReplaced,
    ErrorFields,
    ErrorFieldsGrown,

    AssociatedTypeAdded,
    AssociatedTypeRemoved,
    AssociatedTypeChanged,
    ViewFunctionAdded,
    ViewFunctionRemoved,
    ViewFunctionChanged,

    ApiAdded,
    ApiRemoved,
    ApiVersionRaised,
    ApiVersionLowered,
    ApiMethodAdded,
    ApiMethodRemoved,
    ApiMethodArguments,
    /// Variants went that callers may send.
    ApiMethodArgumentsShrunk,
    ApiMethodResult,
    /// Callers that know the old types meet variants that they do not know.
    ApiMethodTypesGrown,
    /// Variants that do not come any more, or other names for what stayed.
    ApiMethodTypesRenamed,

    ExtensionAdded,
    /// Neither carried nor signed: transactions look as before.
    ExtensionAddedWithoutData,
    ExtensionRemoved,
    ExtensionRemovedWithoutData,
    ExtensionOrder,
    ExtensionExplicit,
    ExtensionImplicit,
    ExtensionTypesGrown,
    ExtensionVersions,
    ExtrinsicFormatAdded,
    ExtrinsicFormatRemoved,
    TransactionSender,
    TransactionSignature,
}

/// The name in documents: `call-moved`.
impl fmt::Display for ChangeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

/// One change between two runtimes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    pub kind: ChangeKind,
    /// The pallet it is in, by its new name, or by its old one where it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pallet: Option<String>,
    /// What it is called within that: a call, an item, an API's function, an extension.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Where in a type or a value the difference is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    pub severity: Severity,
    pub breaks: Vec<Audience>,
}

/// A line of a runtime's metadata may be of any length.
const TEXT: usize = 400;
const DETAILS: usize = 12;

impl Change {
    pub fn new(kind: ChangeKind, severity: Severity, breaks: &[Audience], name: impl Into<String>) -> Self {
        let (name, breaks) = (cut(name.into()), breaks.to_vec());
        Self { kind, pallet: None, name, old: None, new: None, details: Vec::new(), severity, breaks }
    }

    pub fn within(mut self, pallet: &str) -> Self {
        self.pallet = Some(cut(pallet.to_owned()));
        self
    }

    pub fn old(mut self, old: impl ToString) -> Self {
        self.old = Some(cut(old.to_string()));
        self
    }

    pub fn new_value(mut self, new: impl ToString) -> Self {
        self.new = Some(cut(new.to_string()));
        self
    }

    pub fn from_to(self, old: impl ToString, new: impl ToString) -> Self {
        self.old(old).new_value(new)
    }

    pub fn with(mut self, details: impl IntoIterator<Item = String>) -> Self {
        let room = DETAILS - self.details.len().min(DETAILS);
        self.details.extend(details.into_iter().take(room).map(cut));
        self
    }

    /// Returns `Balances.transfer`, `CheckNonce`, `Core_version`.
    pub fn title(&self) -> String {
        match &self.pallet {
            Some(pallet) if *pallet != self.name => format!("{pallet}.{}", self.name),
            _ => self.name.clone(),
        }
    }

    /// Returns the change in one line, for findings.
    pub fn summary(&self) -> String {
        let mut summary = format!("{}: {}", self.title(), self.kind.to_string().replace('-', " "));
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => summary.push_str(&format!(", {old} to {new}")),
            (Some(one), None) | (None, Some(one)) => summary.push_str(&format!(", {one}")),
            (None, None) => {}
        }
        if let Some(first) = self.details.first() {
            let more = self.details.len() - 1;
            let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
            summary.push_str(&format!(" ({first}{rest})"));
        }
        summary
    }
}

/// Returns a text of bearable length.
pub fn cut(text: String) -> String {
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
