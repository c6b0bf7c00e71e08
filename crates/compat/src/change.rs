// SPDX-License-Identifier: Apache-2.0
//! One change between two runtimes.

use crate::whom::{Severity, Whom, effect};
use serde::Serialize;

/// What changed. A thing that moved is moved, not removed and added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
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

impl Kind {
    /// The name in documents: `call-moved`.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub kind: Kind,
    /// The pallet it is in, by its new name, or by its old one where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pallet: Option<String>,
    /// What it is called within that: a call, an item, an API's function, an extension.
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Where in a type or a value the difference is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    pub severity: Severity,
    pub breaks: Vec<Whom>,
}

/// A line of a runtime's metadata may be of any length.
const TEXT: usize = 400;
const DETAILS: usize = 12;

impl Change {
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        let effect = effect(kind);
        Self {
            kind,
            pallet: None,
            name: cut(name.into()),
            old: None,
            new: None,
            details: Vec::new(),
            severity: effect.severity,
            breaks: effect.breaks.to_vec(),
        }
    }

    pub fn within(mut self, pallet: &str) -> Self {
        self.pallet = Some(cut(pallet.to_owned()));
        self
    }

    pub fn old(mut self, old: impl ToString) -> Self {
        self.old = Some(cut(old.to_string()));
        self
    }

    pub fn new_is(mut self, new: impl ToString) -> Self {
        self.new = Some(cut(new.to_string()));
        self
    }

    pub fn from_to(self, old: impl ToString, new: impl ToString) -> Self {
        self.old(old).new_is(new)
    }

    pub fn with(mut self, details: impl IntoIterator<Item = String>) -> Self {
        let room = DETAILS - self.details.len().min(DETAILS);
        self.details.extend(details.into_iter().take(room).map(cut));
        self
    }

    /// `Balances.transfer`, `CheckNonce`, `Core_version`.
    pub fn title(&self) -> String {
        match &self.pallet {
            Some(pallet) if *pallet != self.name => format!("{pallet}.{}", self.name),
            _ => self.name.clone(),
        }
    }

    /// In one line, for findings.
    pub fn told(&self) -> String {
        let mut told = format!("{}: {}", self.title(), self.kind.name().replace('-', " "));
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => told.push_str(&format!(", {old} to {new}")),
            (Some(one), None) | (None, Some(one)) => told.push_str(&format!(", {one}")),
            (None, None) => {}
        }
        if let Some(first) = self.details.first() {
            let more = self.details.len() - 1;
            let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
            told.push_str(&format!(" ({first}{rest})"));
        }
        told
    }
}

/// A text of bearable length.
pub(crate) fn cut(text: String) -> String {
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
