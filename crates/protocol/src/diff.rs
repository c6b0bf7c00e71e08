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
        /// The runtime that the chain has now.
        #[serde(serialize_with = "exposed::one")]
        old: Source,
        /// The runtime that replaces it.
        #[serde(serialize_with = "exposed::one")]
        new: Source,
        /// The rules that may be broken. If one fails, its status is `warn`. The name of no rule is
        /// a usage error.
        #[serde(default)]
        allow: AllowedRules,
        /// Whether the report includes the changed constants in human units.
        #[serde(default)]
        parameters: bool,
    },
    /// List the changed constants in human units; the result is a [`ParametersReport`].
    Parameters {
        /// The runtime that the chain has now.
        #[serde(serialize_with = "exposed::one")]
        old: Source,
        /// The runtime that replaces it.
        #[serde(serialize_with = "exposed::one")]
        new: Source,
        /// The decimals of the chain's token. By default they are read from the sources.
        #[serde(default)]
        decimals: Option<u32>,
        /// The symbol of the chain's token. By default it is read from the sources, the new one
        /// first.
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
    /// The format of the document: `cutover/diff/v2`.
    #[schemars(schema_with = "format::diff")]
    pub format: String,
    /// The runtime that the chain has now.
    pub old: ComparedRuntime,
    /// The runtime that replaces it.
    pub new: ComparedRuntime,
    /// Whether both blobs are equal.
    pub same: bool,
    /// `fail` if a rule failed, else `pass`. Changes alone do not fail a comparison.
    pub verdict: Verdict,
    /// The rules of versions, storage and APIs, each with its status.
    pub rules: Vec<Check>,
    /// The audiences that the changes affect, in the order of the enum. An audience without a
    /// change is left out.
    pub whom: Vec<Concerned>,
    /// All changes between the two runtimes.
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
    /// A side is too old: its metadata does not describe its types.
    NotCompared(NotCompared),
    /// The runtimes were compared.
    Compared(Box<DiffReport>),
}

/// The reason why two runtimes were not compared: the metadata of one of them is too old and does
/// not describe its types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotCompared {
    /// The failure of the comparison.
    pub error: Failure,
    /// The one rule `comparable`, which was skipped.
    pub rules: Vec<Check>,
    /// Always `none`, because nothing was judged.
    pub verdict: NoVerdict,
}

/// The value of `verdict` if nothing was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoVerdict {
    /// There is no verdict.
    None,
}

impl NotCompared {
    /// Returns the outcome with the one rule `comparable`, skipped for the reason in `error`.
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
    /// The format of the document: `cutover/parameters/v1`.
    #[schemars(schema_with = "format::parameters")]
    pub format: String,
    /// The runtime that the chain has now.
    pub old: ComparedRuntime,
    /// The runtime that replaces it.
    pub new: ComparedRuntime,
    /// The changed constants, sorted by pallet and name.
    pub parameters: Vec<Parameter>,
}

/// One of the two runtimes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedRuntime {
    /// The source, as the user named it.
    pub source: String,
    /// The kind of the source.
    pub source_kind: SourceKind,
    /// The name in the runtime's version. Both runtimes of one chain have the same.
    pub spec_name: String,
    /// The version of the runtime, which increases with each upgrade.
    pub spec_version: u32,
    /// Null in runtimes from before mid-2020.
    pub transaction_version: Option<u32>,
    /// The version of the metadata that was read: 14, 15 or 16.
    pub metadata_version: u32,
    /// The size of the deployed code, in bytes.
    pub code_size: u64,
    /// The BLAKE2-256 hash of the deployed code: `0x` and hex digits.
    pub blake2_256: String,
    /// Where the storage versions of its pallets were read.
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
    /// The audience.
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
    /// The name of the pallet.
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
    /// The `spec_name` of the runtime changed. Signed transactions, indexers and nodes depend on
    /// it.
    SpecName,
    /// The `impl_name` of the runtime changed. No audience is affected.
    ImplName,
    /// The `authoring_version` changed. A node authors blocks only if its own runtime has the same.
    AuthoringVersion,
    /// The `spec_version` changed. It is part of the signed payload: transactions that were signed
    /// before and are not yet included become invalid.
    SpecVersion,
    /// The `impl_version` changed. No audience is affected.
    ImplVersion,
    /// The `transaction_version` changed. It is part of the signed payload: transactions that were
    /// signed before and are not yet included become invalid.
    TransactionVersion,
    /// The `state_version` changed, which is the version of the format of the state trie.
    StateVersion,
    /// The size of the deployed code changed. Values are in bytes.
    CodeSize,
    /// The runtime imports another host function. A node that does not offer it cannot execute the
    /// runtime.
    HostFunctionAdded,
    /// A newly imported function that every node has had for years.
    HostFunctionLongOffered,
    /// The runtime no longer imports a host function.
    HostFunctionRemoved,

    /// A pallet of the new runtime is not in the old one.
    PalletAdded,
    /// A pallet of the old runtime is not in the new one, under any name.
    PalletRemoved,
    /// The pallet's name changed. Pallets are matched by name, then by the names of their contents.
    PalletRenamed,
    /// The pallet's index changed, and with it the first bytes of its calls, events and errors.
    PalletMoved,
    /// The storage prefix of the pallet changed, and with it the keys of all its items.
    StoragePrefixMoved,
    /// The storage version of the pallet changed. It is compared only if it is known on both sides.
    StorageVersion,

    /// A call of the new pallet is not in the old one.
    CallAdded,
    /// A call of the old pallet is not in the new one. Its index is unused, or that of another old
    /// call.
    CallRemoved,
    /// The call at an index has a new name and the same arguments. Encoded calls keep their
    /// meaning.
    CallRenamed,
    /// The index of the call changed, and with it the second byte of its encoding.
    CallMoved,
    /// The index now belongs to another call. A renamed call without arguments also counts as
    /// replaced.
    CallReplaced,
    /// The types of the arguments changed. Calls that were encoded before have another meaning or
    /// are invalid.
    CallArguments,
    /// Variants were removed. Calls with such a variant are rejected; all others keep their
    /// meaning.
    CallArgumentsShrunk,
    /// Variants were added or names changed. Old encodings keep their meaning.
    CallArgumentsGrown,

    /// A storage item of the new pallet is not in the old one.
    StorageAdded,
    /// A storage item of the old pallet is not in the new one.
    StorageRemoved,
    /// The hashers of a map changed, or a map became a single value or the reverse.
    StorageHashers,
    /// The type of a map's keys changed. Stored keys are not decoded as before.
    StorageKey,
    /// Variants were removed. Keys with such a variant are no longer decoded.
    StorageKeyShrunk,
    /// The type of the values changed. Stored values are not decoded as before.
    StorageValue,
    /// Variants were removed. Values with such a variant are no longer decoded; all others are
    /// unchanged.
    StorageValueShrunk,
    /// Variants were added or names changed. Stored values are decoded as before.
    StorageValueGrown,
    /// The result of reading a missing value changed between nothing and a default.
    StorageModifier,
    /// The default changed, which is read if no value is stored.
    StorageDefault,

    /// A constant of the new pallet is not in the old one.
    ConstantAdded,
    /// A constant of the old pallet is not in the new one.
    ConstantRemoved,
    /// The value of a constant changed. The details list the parts of a value that has several.
    ConstantValue,
    /// The type of a constant changed.
    ConstantType,

    /// An event of the new pallet is not in the old one.
    EventAdded,
    /// An event of the old pallet is not in the new one. Its index is unused, or that of another
    /// old event.
    EventRemoved,
    /// The event at an index has a new name and the same fields.
    EventRenamed,
    /// The index of the event changed.
    EventMoved,
    /// The index now belongs to another event. A renamed event without fields also counts as
    /// replaced.
    EventReplaced,
    /// The types of the fields changed. Readers with the old types decode other values.
    EventFields,
    /// Variants were added or removed, or names changed. Readers with the old types decode all but
    /// the new variants.
    EventFieldsGrown,

    /// An error of the new pallet is not in the old one.
    ErrorAdded,
    /// An error of the old pallet is not in the new one. Its index is unused, or that of another
    /// old error.
    ErrorRemoved,
    /// The error at an index has a new name and the same fields.
    ErrorRenamed,
    /// The index of the error changed.
    ErrorMoved,
    /// The index now belongs to another error. A renamed error without fields also counts as
    /// replaced.
    ErrorReplaced,
    /// The types of the fields changed. Readers with the old types decode other values.
    ErrorFields,
    /// Variants were added or removed, or names changed. Readers with the old types decode all but
    /// the new variants.
    ErrorFieldsGrown,

    /// An associated type of the pallet's configuration is new. Only metadata 16 has them.
    AssociatedTypeAdded,
    /// An associated type of the pallet's configuration is gone. Only metadata 16 has them.
    AssociatedTypeRemoved,
    /// An associated type of the pallet's configuration changed. Only metadata 16 has them.
    AssociatedTypeChanged,
    /// A view function of the pallet is new. Only metadata 16 has them.
    ViewFunctionAdded,
    /// A view function of the pallet is gone. Only metadata 16 has them.
    ViewFunctionRemoved,
    /// The arguments, the result or the identifier of a view function changed. Only metadata 16 has
    /// them.
    ViewFunctionChanged,

    /// A runtime API of the new runtime is not in the old one, by `Core_version`.
    ApiAdded,
    /// A runtime API of the old runtime is not in the new one, by `Core_version`.
    ApiRemoved,
    /// The version of a runtime API increased, by `Core_version`.
    ApiVersionRaised,
    /// The version of a runtime API decreased, by `Core_version`.
    ApiVersionLowered,
    /// A function of a runtime API is new. It is compared from metadata 15 on.
    ApiMethodAdded,
    /// A function of a runtime API is gone. It is compared from metadata 15 on.
    ApiMethodRemoved,
    /// The number or the types of a function's arguments changed.
    ApiMethodArguments,
    /// Variants were removed that callers may send.
    ApiMethodArgumentsShrunk,
    /// The type of a function's result changed.
    ApiMethodResult,
    /// Variants were added that callers with the old types do not know.
    ApiMethodTypesGrown,
    /// Variants of a result were removed, or names changed.
    ApiMethodTypesRenamed,

    /// A transaction extension with data is new. Signers must encode or sign this data.
    ExtensionAdded,
    /// An extension without explicit or implicit data: transactions are encoded as before.
    ExtensionAddedWithoutData,
    /// A transaction extension with data is gone. Signers must no longer encode or sign this data.
    ExtensionRemoved,
    /// An extension without explicit or implicit data is gone: transactions are encoded as before.
    ExtensionRemovedWithoutData,
    /// The order of the extensions that both sides have and that have data changed.
    ExtensionOrder,
    /// The type of the data that an extension adds to the transaction changed.
    ExtensionExplicit,
    /// The type of the data that an extension adds only to the signed payload changed.
    ExtensionImplicit,
    /// Variants were added to signed types, or names changed. Old encodings keep their meaning.
    ExtensionTypesGrown,
    /// The list of extensions of an extension version changed. Only metadata 16 has these lists.
    ExtensionVersions,
    /// The runtime supports another extrinsic format, such as 5.
    ExtrinsicFormatAdded,
    /// The runtime no longer supports an extrinsic format.
    ExtrinsicFormatRemoved,
    /// The type of a transaction's sender changed. It is compared from metadata 15 on.
    TransactionSender,
    /// The type of a transaction's signature changed. It is compared from metadata 15 on.
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
    /// The kind of the change, which decides its severity and its audiences.
    pub kind: ChangeKind,
    /// The pallet by its new name, or by its old one if it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pallet: Option<String>,
    /// The name of the changed call, storage item, API function or extension.
    pub name: String,
    /// What was there before: a value, a name, an index or a version, as text of at most 400
    /// characters. Absent if there was nothing or the name says it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What is there now, in the same form. Absent if there is nothing or the name says it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// The differences within a type or value, with their paths. At most 12 are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// The severity. A change of a call that nobody signs, such as an inherent, is at most
    /// `notable`.
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
