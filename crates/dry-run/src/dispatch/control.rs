// SPDX-License-Identifier: Apache-2.0
//! Entries of a state that say who acts for others, or which code a chain runs.

use protocol::rehearse::StateDifference;

/// Storage items, by pallet.
const ITEMS: [&str; 10] = [
    "Sudo.Key",
    "Registrar.Paras",
    "Slots.Leases",
    "Session.Validators",
    "Babe.Authorities",
    "Broker.Regions",
    "Multisig.Multisigs",
    "Democracy.NextExternal",
    "Configuration.BypassConsistencyCheck",
    "XcmpQueue.QueueSuspended",
];
/// Storage items of every pallet: collectives, memberships, proxies and assets have several instances.
const NAMES: [&str; 29] = [
    "Members",
    "Prime",
    "Proxies",
    "NextKeys",
    "KeyOwner",
    "QueuedKeys",
    "Authorities",
    "NextAuthorities",
    "Invulnerables",
    "CandidateList",
    "Registrars",
    "AuthorityOf",
    "UsernameAuthorities",
    "WhitelistedCall",
    "DeferredDispatch",
    "XcmExecutionSuspended",
    "AuthorizedAliases",
    "AuthorizedUpgrade",
    "PendingValidationCode",
    "CurrentCodeHash",
    "FutureCodeHash",
    "AuthorizedCodeHash",
    "FriendGroups",
    "Recoverable",
    "ActiveRecoveries",
    "Inheritor",
    "Collection",
    "Class",
    "CollectionRoleOf",
];
/// Keys outside of pallets.
const KEYS: [&str; 3] = [":code", ":pending_code", ":heappages"];
/// The parts of an asset that say who acts for others.
const ROLES: [&str; 5] = ["owner", "issuer", "admin", "freezer", "status"];

/// Returns whether a storage item is one of these: `Sudo.Key`.
pub fn is_about(item: &str) -> bool {
    let name = item.rsplit('.').next().unwrap_or(item);
    KEYS.contains(&item) || ITEMS.contains(&item) || NAMES.contains(&name) || name == "Asset"
}

/// Returns whether a difference of such an item changes who acts for others. An asset has a supply too.
pub fn changes(difference: &StateDifference) -> bool {
    let says =
        |value: &Option<String>| value.as_ref().is_some_and(|value| ROLES.iter().any(|role| value.contains(role)));
    !difference.item.ends_with(".Asset") || says(&difference.without) || says(&difference.with)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_codes_are_told_from_balances() {
        for item in ["Sudo.Key", ":code", "TechnicalMembership.Members", "Aura.Authorities", "System.AuthorizedUpgrade"]
        {
            assert!(is_about(item), "{item}");
        }
        for item in ["System.Account", "Scheduler.Agenda", "Balances.TotalIssuance", ":extrinsic_index"] {
            assert!(!is_about(item), "{item}");
        }
        let asset = |with: &str| StateDifference {
            chain: String::new(),
            item: "Assets.Asset".into(),
            key: "7".into(),
            without: Some("{supply: 5}".into()),
            with: Some(with.into()),
            bookkeeping: false,
        };
        assert!(is_about("Assets.Asset") && !changes(&asset("{supply: 6}")) && changes(&asset("{owner: 0x01}")));
    }
}
