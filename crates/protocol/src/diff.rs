// SPDX-License-Identifier: Apache-2.0
//! The comparison of two runtimes: the requests to the worker, and the documents of `diff` and
//! `diff --parameters`.

use crate::{Check, Failure, Source, Verdict, either::either, exposed, format, inspect::SourceKind};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::{collections::BTreeMap, fmt};

/// The rules that may be broken, each with the reason, if there is one.
pub type AllowedRules = BTreeMap<String, Option<String>>;

/// A request to the worker of comparisons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Compare two runtimes; the result is a [`DiffReport`].
    Diff {
        #[serde(serialize_with = "exposed::one")]
        old: Source,
        #[serde(serialize_with = "exposed::one")]
        new: Source,
        #[serde(default)]
        allow: AllowedRules,
        /// Whether the report includes the changed constants in human units.
        #[serde(default)]
        parameters: bool,
    },
    /// List the changed constants in human units; the result is a [`ParametersReport`].
    Parameters {
        #[serde(serialize_with = "exposed::one")]
        old: Source,
        #[serde(serialize_with = "exposed::one")]
        new: Source,
        /// The decimals of the chain's token. By default they are read from the sources.
        #[serde(default)]
        decimals: Option<u32>,
        #[serde(default)]
        symbol: Option<String>,
        /// The milliseconds between two blocks. By default they are read from the constants.
        #[serde(default)]
        block_time: Option<u64>,
    },
}

/// The report of `diff`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffReport {
    #[schemars(schema_with = "format::diff")]
    pub format: String,
    pub old: ComparedRuntime,
    pub new: ComparedRuntime,
    /// Whether both blobs are equal.
    pub same: bool,
    pub verdict: Verdict,
    pub rules: Vec<Check>,
    /// The audiences that the changes affect.
    pub whom: Vec<Concerned>,
    pub changes: Vec<Change>,
    /// The changed constants in human units, if they were requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Parameter>>,
    /// The parts that could not be compared, because the metadata of a side lacks them.
    pub untold: Vec<String>,
}

/// The result of the step `diff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum DiffOutcome {
    NotCompared(NotCompared),
    Compared(Box<DiffReport>),
}

/// Why two runtimes were not compared: one of them is too old to tell its types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotCompared {
    pub error: Failure,
    /// The one rule `comparable`, which was skipped.
    pub rules: Vec<Check>,
    pub verdict: NoVerdict,
}

/// What stands in place of a verdict where nothing was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoVerdict {
    None,
}

impl NotCompared {
    pub fn new(error: Failure) -> Self {
        let rules = vec![Check::skip("comparable", error.to_string())];
        Self { error, rules, verdict: NoVerdict::None }
    }
}

impl DiffOutcome {
    /// Returns the comparison, if the runtimes were compared.
    pub fn report(&self) -> Option<&DiffReport> {
        match self {
            Self::Compared(report) => Some(report),
            Self::NotCompared(_) => None,
        }
    }

    /// Returns the rules of versions, with what came of each.
    pub fn rules(&self) -> &[Check] {
        match self {
            Self::Compared(report) => &report.rules,
            Self::NotCompared(not) => &not.rules,
        }
    }
}

impl<'de> Deserialize<'de> for DiffOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        either(deserializer, "error", Self::NotCompared, |report| Self::Compared(Box::new(report)))
    }
}

/// The report of `diff --parameters`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParametersReport {
    #[schemars(schema_with = "format::parameters")]
    pub format: String,
    pub old: ComparedRuntime,
    pub new: ComparedRuntime,
    pub parameters: Vec<Parameter>,
}

/// One of the two runtimes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedRuntime {
    /// The source, as the user named it.
    pub source: String,
    pub source_kind: SourceKind,
    pub spec_name: String,
    pub spec_version: u32,
    /// Null in runtimes from before mid-2020.
    pub transaction_version: Option<u32>,
    pub metadata_version: u32,
    /// The size of the deployed code, in bytes.
    pub code_size: u64,
    /// The hash of the deployed code.
    pub blake2_256: String,
    pub storage_versions_from: StorageVersionsFrom,
}

/// Where the storage versions of the pallets were read. Metadata does not contain them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StorageVersionsFrom {
    /// The state of the runtime's source.
    State,
    /// The genesis state that the runtime builds. Every pallet writes the version of its code
    /// there.
    Genesis,
    /// They are not known.
    #[default]
    Unknown,
}

/// The number of changes that affect an audience.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Concerned {
    pub who: Audience,
    /// The name of the audience for people.
    pub label: String,
    /// The number of changes.
    pub changes: usize,
    /// The number of breaking changes.
    pub breaking: usize,
}

/// A changed constant, or a changed part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parameter {
    pub pallet: String,
    /// The constant's name, with the path of the part: `BlockWeights.max_block.ref_time`.
    pub constant: String,
    /// The old value. Null if the constant or part is new.
    pub old: Option<String>,
    /// The new value. Null if the constant or part was removed.
    pub new: Option<String>,
    /// The unit. Null for plain numbers and text.
    pub unit: Option<String>,
}

/// The audience that a change may affect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Signers: wallets, hardware wallets, offline signers.
    SignedTransactions,
    /// Calls that were encoded before the upgrade and are dispatched after it: XCM `Transact`,
    /// multisigs, scheduled calls, preimages of referenda, and proxies, whose types refer to calls.
    EncodedCalls,
    /// Readers of storage, events, errors and constants.
    IndexersAndFrontEnds,
    /// Contracts and precompiles that call into the runtime or read its parameters.
    Contracts,
    /// Nodes, collators and validators.
    Nodes,
}

impl Audience {
    /// All audiences, in the order of the report.
    pub const ALL: [Self; 5] =
        [Self::SignedTransactions, Self::EncodedCalls, Self::IndexersAndFrontEnds, Self::Contracts, Self::Nodes];

    /// Returns the name for people.
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

/// The severity of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something no longer works, or works differently.
    Breaking,
    /// Everything still works, but the audience should know of it.
    Notable,
    /// Nobody has to do anything.
    Harmless,
}

/// The kind of a change. A moved part counts as moved, not as removed and added.
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
    /// A newly imported function that every node has had for years.
    HostFunctionLongOffered,
    HostFunctionRemoved,

    PalletAdded,
    PalletRemoved,
    PalletRenamed,
    /// The pallet's index changed, and with it the first bytes of its calls, events and errors.
    PalletMoved,
    StoragePrefixMoved,
    StorageVersion,

    CallAdded,
    CallRemoved,
    CallRenamed,
    CallMoved,
    /// The index now belongs to another call with other arguments.
    CallReplaced,
    CallArguments,
    /// Variants were removed. Calls with such a variant are rejected; all others keep their
    /// meaning.
    CallArgumentsShrunk,
    /// Variants were added or names changed. Old encodings keep their meaning.
    CallArgumentsGrown,

    StorageAdded,
    StorageRemoved,
    StorageHashers,
    StorageKey,
    /// Variants were removed. Keys with such a variant are no longer decoded.
    StorageKeyShrunk,
    StorageValue,
    /// Variants were removed. Values with such a variant are no longer decoded; all others are
    /// unchanged.
    StorageValueShrunk,
    /// Variants were added or names changed. Stored values are decoded as before.
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
    /// Variants were removed that callers may send.
    ApiMethodArgumentsShrunk,
    ApiMethodResult,
    /// Variants were added that callers with the old types do not know.
    ApiMethodTypesGrown,
    /// Variants of a result were removed, or names changed.
    ApiMethodTypesRenamed,

    ExtensionAdded,
    /// An extension without explicit or implicit data: transactions are encoded as before.
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

/// Writes the name in documents: `call-moved`.
impl fmt::Display for ChangeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

/// One change between two runtimes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    pub kind: ChangeKind,
    /// The pallet by its new name, or by its old one if it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pallet: Option<String>,
    /// The name of the changed call, storage item, API function or extension.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// The differences within a type or value, with their paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    pub severity: Severity,
    /// The audiences that the change affects.
    pub breaks: Vec<Audience>,
}

/// The most characters of a text. Text from a runtime's metadata may have any length.
const TEXT: usize = 400;
const DETAILS: usize = 12;

impl Change {
    /// Returns a change without details.
    pub fn new(kind: ChangeKind, severity: Severity, breaks: &[Audience], name: impl Into<String>) -> Self {
        let (name, breaks) = (cut(name.into()), breaks.to_vec());
        Self { kind, pallet: None, name, old: None, new: None, details: Vec::new(), severity, breaks }
    }

    /// Sets the pallet.
    pub fn within(mut self, pallet: &str) -> Self {
        self.pallet = Some(cut(pallet.to_owned()));
        self
    }

    /// Sets the old value.
    pub fn old(mut self, old: impl ToString) -> Self {
        self.old = Some(cut(old.to_string()));
        self
    }

    /// Sets the new value.
    pub fn new_value(mut self, new: impl ToString) -> Self {
        self.new = Some(cut(new.to_string()));
        self
    }

    /// Sets the old and the new value.
    pub fn from_to(self, old: impl ToString, new: impl ToString) -> Self {
        self.old(old).new_value(new)
    }

    /// Adds details, up to a limit.
    pub fn with(mut self, details: impl IntoIterator<Item = String>) -> Self {
        let room = DETAILS - self.details.len().min(DETAILS);
        self.details.extend(details.into_iter().take(room).map(cut));
        self
    }

    /// Returns the name with its pallet: `Balances.transfer`, `CheckNonce`, `Core_version`.
    pub fn title(&self) -> String {
        match &self.pallet {
            Some(pallet) if *pallet != self.name => format!("{pallet}.{}", self.name),
            _ => self.name.clone(),
        }
    }

    /// Returns the change in one line.
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

/// Returns the text, truncated to a limit.
pub fn cut(text: String) -> String {
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
