// SPDX-License-Identifier: Apache-2.0
//! Whom each kind of change breaks, and how badly: the one table of it.

use crate::change::Kind;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whom {
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

impl Whom {
    pub const ALL: [Self; 5] =
        [Self::SignedTransactions, Self::EncodedCalls, Self::IndexersAndFrontEnds, Self::Contracts, Self::Nodes];

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// What worked does not, or does something else.
    Breaking,
    /// It works on, and somebody will want to know.
    Notable,
    /// Nobody has to do anything.
    Harmless,
}

pub struct Effect {
    pub severity: Severity,
    pub breaks: &'static [Whom],
}

/// The table.
pub fn effect(kind: Kind) -> Effect {
    use Kind::*;
    use Severity::*;
    use Whom::*;
    const CALLS: &[Whom] = &[SignedTransactions, EncodedCalls, IndexersAndFrontEnds, Contracts];
    const SIGNING: &[Whom] = &[SignedTransactions, IndexersAndFrontEnds];
    const READERS: &[Whom] = &[IndexersAndFrontEnds];
    const STATE: &[Whom] = &[IndexersAndFrontEnds, Contracts];
    const ASKING: &[Whom] = &[IndexersAndFrontEnds, Nodes];
    let (severity, breaks): (Severity, &'static [Whom]) = match kind {
        SpecName => (Breaking, &[SignedTransactions, IndexersAndFrontEnds, Nodes]),
        // What a transaction signs holds both versions: one that is signed and not yet included is void.
        TransactionVersion => (Notable, &[SignedTransactions]),
        SpecVersion => (Notable, &[SignedTransactions]),
        ImplName | ImplVersion | CodeSize => (Harmless, &[]),
        // A node authors only where its own is the same.
        AuthoringVersion => (Breaking, &[Nodes]),
        StateVersion => (Notable, &[Nodes]),
        HostFunctionAdded => (Breaking, &[Nodes]),
        HostFunctionLongOffered | HostFunctionRemoved => (Harmless, &[]),

        PalletAdded => (Harmless, &[]),
        PalletRemoved | PalletMoved => (Breaking, CALLS),
        PalletRenamed | StoragePrefixMoved => (Breaking, STATE),
        StorageVersion => (Notable, READERS),

        CallAdded => (Harmless, &[]),
        CallRemoved | CallMoved | CallReplaced | CallArguments | CallArgumentsShrunk => (Breaking, CALLS),
        CallRenamed | CallArgumentsGrown => (Notable, READERS),

        StorageAdded => (Harmless, &[]),
        StorageRemoved | StorageHashers | StorageKey | StorageKeyShrunk | StorageValue | StorageValueShrunk => {
            (Breaking, STATE)
        }
        StorageValueGrown | StorageModifier | StorageDefault => (Notable, READERS),

        ConstantAdded => (Harmless, &[]),
        ConstantRemoved | ConstantType => (Breaking, READERS),
        ConstantValue => (Notable, STATE),

        EventAdded | ErrorAdded => (Harmless, &[]),
        EventRemoved | EventMoved | EventReplaced | EventFields => (Breaking, READERS),
        EventRenamed | EventFieldsGrown => (Notable, READERS),
        ErrorRemoved | ErrorMoved | ErrorReplaced | ErrorFields => (Breaking, STATE),
        ErrorRenamed | ErrorFieldsGrown => (Notable, READERS),

        AssociatedTypeAdded | ViewFunctionAdded => (Harmless, &[]),
        AssociatedTypeRemoved | AssociatedTypeChanged => (Notable, READERS),
        ViewFunctionRemoved | ViewFunctionChanged => (Breaking, READERS),

        ApiAdded | ApiMethodAdded => (Harmless, &[]),
        ApiVersionRaised | ApiMethodTypesGrown | ApiMethodArgumentsShrunk => (Notable, ASKING),
        ApiMethodTypesRenamed => (Notable, READERS),
        ApiRemoved | ApiVersionLowered | ApiMethodRemoved | ApiMethodArguments | ApiMethodResult => (Breaking, ASKING),

        ExtensionAdded | ExtensionRemoved | ExtensionOrder | ExtensionExplicit | ExtensionImplicit => {
            (Breaking, SIGNING)
        }
        ExtensionAddedWithoutData | ExtensionRemovedWithoutData => (Notable, SIGNING),
        ExtensionTypesGrown | ExtensionVersions => (Notable, SIGNING),
        ExtrinsicFormatAdded => (Harmless, &[]),
        ExtrinsicFormatRemoved | TransactionSender | TransactionSignature => (Breaking, SIGNING),
    };
    Effect { severity, breaks }
}
