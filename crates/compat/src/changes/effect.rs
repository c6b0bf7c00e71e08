// SPDX-License-Identifier: Apache-2.0
//! The table of the severity and the audiences of each kind of change.

use protocol::diff::{
    Audience::{self, *},
    Change,
    ChangeKind::{self, *},
    Severity::{self, *},
};

/// Returns a change of this kind, with its severity and audiences.
pub fn change(kind: ChangeKind, name: impl Into<String>) -> Change {
    let (severity, breaks) = effect(kind);
    Change::new(kind, severity, breaks, name)
}

fn effect(kind: ChangeKind) -> (Severity, &'static [Audience]) {
    const CALLS: &[Audience] = &[SignedTransactions, EncodedCalls, IndexersAndFrontEnds, Contracts];
    const SIGNING: &[Audience] = &[SignedTransactions, IndexersAndFrontEnds];
    const READERS: &[Audience] = &[IndexersAndFrontEnds];
    const STATE: &[Audience] = &[IndexersAndFrontEnds, Contracts];
    const CALLERS: &[Audience] = &[IndexersAndFrontEnds, Nodes];
    match kind {
        SpecName => (Breaking, &[SignedTransactions, IndexersAndFrontEnds, Nodes]),
        // The signed payload contains both versions. A transaction that is signed but not yet
        // included becomes invalid.
        TransactionVersion => (Notable, &[SignedTransactions]),
        SpecVersion => (Notable, &[SignedTransactions]),
        ImplName | ImplVersion | CodeSize => (Harmless, &[]),
        // A node authors blocks only if its own authoring version is the same.
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
        ApiVersionRaised | ApiMethodTypesGrown | ApiMethodArgumentsShrunk => (Notable, CALLERS),
        ApiMethodTypesRenamed => (Notable, READERS),
        ApiRemoved | ApiVersionLowered | ApiMethodRemoved | ApiMethodArguments | ApiMethodResult => (Breaking, CALLERS),

        ExtensionAdded | ExtensionRemoved | ExtensionOrder | ExtensionExplicit | ExtensionImplicit => {
            (Breaking, SIGNING)
        }
        ExtensionAddedWithoutData | ExtensionRemovedWithoutData => (Notable, SIGNING),
        ExtensionTypesGrown | ExtensionVersions => (Notable, SIGNING),
        ExtrinsicFormatAdded => (Harmless, &[]),
        ExtrinsicFormatRemoved | TransactionSender | TransactionSignature => (Breaking, SIGNING),
    }
}
