// SPDX-License-Identifier: Apache-2.0
//! Whom each kind of change breaks, and how badly: the one table of it.

use protocol::diff::{
    Audience::{self, *},
    Change,
    ChangeKind::{self, *},
    Severity::{self, *},
};

/// Returns the change of that kind, with whom it breaks.
pub fn change(kind: ChangeKind, name: impl Into<String>) -> Change {
    let (severity, breaks) = effect(kind);
    Change::new(kind, severity, breaks, name)
}

/// The table.
fn effect(kind: ChangeKind) -> (Severity, &'static [Audience]) {
    const CALLS: &[Audience] = &[SignedTransactions, EncodedCalls, IndexersAndFrontEnds, Contracts];
    const SIGNING: &[Audience] = &[SignedTransactions, IndexersAndFrontEnds];
    const READERS: &[Audience] = &[IndexersAndFrontEnds];
    const STATE: &[Audience] = &[IndexersAndFrontEnds, Contracts];
    const ASKING: &[Audience] = &[IndexersAndFrontEnds, Nodes];
    match kind {
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
    }
}
