// SPDX-License-Identifier: Apache-2.0
//! The development accounts of a fork: their funds and sudo, written into the state before it is served.
//!
//! Their secret keys are public, and every wallet for development has them.

use compat::{
    Interface,
    account::{self, Accounts},
    interface::Pallet,
};
use fork::layout::address_prefix;
use fork::{Chain, Executor, Layout};
use protocol::{
    Source,
    fork::{DevAccount, DevAccounts},
};
use source::ReadSource;
use sp_core::crypto::{AccountId32, Ss58AddressFormat, Ss58Codec};
use worker::{Failure, Reporter, Result};

/// The public keys that `//Alice` and the others have by the SDK's development phrase, with sr25519.
const SUBSTRATE: [(&str, &str); 8] = [
    ("Alice", "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"),
    ("Bob", "0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48"),
    ("Charlie", "0x90b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22"),
    ("Dave", "0x306721211d5404bd9da88e0204360a1a9ab8b87c66c1bc2fcdd37f3c2222cc20"),
    ("Eve", "0xe659a7a1628cdd93febc04a4e0646ea20e9f5f0ce097d9a05290d4a9e054df4e"),
    ("Ferdie", "0x1cbd2d43530a44705ad088af313e18f80b53ef16b36177cd4b77b846f2a5f07c"),
    ("Alice//stash", "0xbe5ddb1579b72e84524fc29e78609e3caf42e85aa118ebfe0b0ad404b5bdd25f"),
    ("Bob//stash", "0xfe65717dad0447d715f660a0a58411de509b42e6efb8375f562f58a554d5860e"),
];
/// The accounts of Moonbeam's development chain.
const ETHEREUM: [(&str, &str); 6] = [
    ("Alith", "0xf24FF3a9CF04c71Dbc94D0b566f7A27B94566cac"),
    ("Baltathar", "0x3Cd0A705a2DC65e5b1E1205896BaA2be8A07c6e0"),
    ("Charleth", "0x798d4Ba9baf0064Ec19eB4F0a1a45785ae9D6DFc"),
    ("Dorothy", "0x773539d4Ac0e786233D90A233654ccEE26a613D9"),
    ("Ethan", "0xFf64d3F6efE2317EE2807d223a0Bdc4c0c49dfDB"),
    ("Faith", "0xC0F0f4ab324C46e55D02D0033343B4Be8A55532d"),
];
/// Chains with accounts of 20 bytes follow Ethereum, whose token has these decimals.
const ETHEREUM_DECIMALS: u32 = 18;
/// What each account has at least, in units of the chain's token.
const UNITS: u128 = 1_000_000;
/// What each account has at least where the decimals of the token are not known: this many existential deposits, and
/// this balance.
const DEPOSITS: u128 = 1_000_000_000;
const LEAST: u128 = 1_000_000_000_000_000_000;
/// The most that an account is given, so that the total issuance stays far below the largest number.
const MOST: u128 = 1 << 100;
const MOST_IN_64_BITS: u128 = 1 << 58;
/// The prefix of addresses of a chain without one.
const GENERIC_PREFIX: u16 = 42;

/// Keys of a state with their new values.
type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// What is written into a state.
#[derive(Debug, Default)]
pub struct Grant {
    /// The entries of the accounts, the total issuance and the sudo key.
    pub changes: Changes,
    /// The accounts and what they have.
    pub accounts: DevAccounts,
    /// What could not be given, and why.
    missing: Vec<String>,
}

/// Returns what development accounts are given on a chain. Warns about what they cannot be given.
pub fn grant(chain: &Chain, executor: &Executor, source: &Source, reporter: &Reporter) -> Result<Grant> {
    let layout = Layout::of(chain, executor, &chain.next_code()?)?;
    let grant = match layout.metadata.as_deref().and_then(Interface::of) {
        Some(interface) => granted(chain, &interface, source.properties().decimals)?,
        None => Grant::none("funds or sudo: the metadata of its runtime has no types".to_owned()),
    };
    for missing in &grant.missing {
        reporter.warning(format!("--dev gives nobody on {source} {missing}"));
    }
    Ok(grant)
}

/// A development account in the form that a chain has.
struct Known {
    name: &'static str,
    id: Vec<u8>,
    address: String,
}

fn granted(chain: &Chain, interface: &Interface<'_>, decimals: Option<u32>) -> Result<Grant> {
    let unknown = || Ok(Grant::none("funds or sudo: its accounts have a form that is not known here".to_owned()));
    let Some(accounts) = Accounts::of(interface) else { return unknown() };
    let (known, decimals) = match accounts.id_length() {
        Some(32) => (substrate(interface)?, decimals),
        Some(20) => (ethereum()?, decimals.or(Some(ETHEREUM_DECIMALS))),
        _ => return unknown(),
    };
    let mut grant = Grant::default();
    match funds(chain, interface, &accounts, &known, decimals)? {
        Some((changes, funded)) => {
            grant.changes = changes;
            grant.accounts.accounts = funded;
        }
        None => grant
            .missing
            .push("funds: it has no balances, accounts or issuance of a form that is known here".to_owned()),
    }
    match (sudo(interface), known.first()) {
        (Some(pallet), Some(first)) => {
            grant.changes.push((pallet.key("Key"), Some(first.id.clone())));
            grant.accounts.sudo = Some(first.address.clone());
        }
        _ => grant.missing.push("sudo: it has no pallet with a sudo key".to_owned()),
    }
    Ok(grant)
}

impl Grant {
    fn none(missing: String) -> Self {
        Self { missing: vec![missing], ..Self::default() }
    }
}

fn substrate(interface: &Interface<'_>) -> Result<Vec<Known>> {
    let prefix = interface.pallet("System").and_then(|system| constant(system, "SS58Prefix"));
    let format = Ss58AddressFormat::custom(prefix.and_then(address_prefix).unwrap_or(GENERIC_PREFIX));
    let known = SUBSTRATE.into_iter().map(|(name, text)| {
        let id: [u8; 32] = hex::decode_to_array(text).map_err(|error| not_hex(name, &error))?;
        Ok(Known { name, id: id.to_vec(), address: AccountId32::from(id).to_ss58check_with_version(format) })
    });
    known.collect()
}

fn ethereum() -> Result<Vec<Known>> {
    let known = ETHEREUM.into_iter().map(|(name, text)| {
        let id = hex::decode(text).map_err(|error| not_hex(name, &error))?;
        Ok(Known { name, id, address: text.to_owned() })
    });
    known.collect()
}

fn not_hex(name: &str, error: &hex::FromHexError) -> Failure {
    Failure::internal(format!("the account of {name} is not in hex")).found(error.to_string())
}

fn constant<'a>(pallet: &Pallet<'a>, name: &str) -> Option<&'a [u8]> {
    pallet.constants.iter().find(|constant| constant.name == name).map(|constant| constant.value)
}

/// Returns the pallet whose key may dispatch calls as root.
fn sudo<'i, 'a>(interface: &'i Interface<'a>) -> Option<&'i Pallet<'a>> {
    interface.pallets.iter().find(|pallet| {
        pallet.item("Key").is_some_and(|key| key.key.is_none())
            && interface.calls(pallet).iter().any(|call| call.name == "sudo")
    })
}

/// Returns the pallet that has the total issuance of the balances.
fn balances<'i, 'a>(interface: &'i Interface<'a>) -> Option<&'i Pallet<'a>> {
    let has_issuance = |pallet: &&Pallet<'_>| pallet.item("TotalIssuance").is_some_and(|item| item.key.is_none());
    let of_the_name = interface.pallet("Balances").filter(has_issuance);
    of_the_name.or_else(|| interface.pallets.iter().find(has_issuance))
}

/// Returns the entries of funded accounts with the total issuance that they lead to, and the accounts. Returns
/// nothing where balances have another form.
fn funds(
    chain: &Chain,
    interface: &Interface<'_>,
    accounts: &Accounts<'_>,
    known: &[Known],
    decimals: Option<u32>,
) -> Result<Option<(Changes, Vec<DevAccount>)>> {
    let (Some(length), Some(balances)) = (accounts.balance_length(), balances(interface)) else { return Ok(None) };
    let deposit = constant(balances, "ExistentialDeposit").and_then(account::number).unwrap_or(0);
    let least = least(decimals, deposit, length);
    let total = balances.key("TotalIssuance");
    chain.prefetch(known.iter().map(|one| accounts.key(&one.id)).chain([total.clone()]))?;

    let (mut changes, mut funded, mut added) = (Vec::new(), Vec::new(), 0u128);
    for Known { name, id, address } in known {
        let key = accounts.key(id);
        let stored = chain.storage(&key)?;
        let Some((entry, more, free)) = raised(accounts, stored.as_deref(), least) else { return Ok(None) };
        if more > 0 {
            added = added.saturating_add(more);
            changes.push((key, Some(entry)));
        }
        funded.push(DevAccount { name: (*name).to_owned(), address: address.clone(), free: free.to_string() });
    }
    let issued = match chain.storage(&total)? {
        Some(issued) => account::number(&issued),
        None => Some(0),
    };
    let issued = issued.and_then(|issued| issued.checked_add(added));
    let Some(issued) = issued.and_then(|issued| account::encoded(issued, length)) else { return Ok(None) };
    if added > 0 {
        changes.push((total, Some(issued)));
    }
    Ok(Some((changes, funded)))
}

/// Returns the entry of an account with at least this free balance, what was added to it, and what is free then.
fn raised(accounts: &Accounts<'_>, stored: Option<&[u8]>, least: u128) -> Option<(Vec<u8>, u128, u128)> {
    let before = match stored {
        Some(entry) => accounts.free(entry)?,
        None => 0,
    };
    let free = before.max(least);
    Some((accounts.with_free(stored, free)?, free.saturating_sub(before), free))
}

/// Returns the least balance of a development account.
fn least(decimals: Option<u32>, deposit: u128, length: usize) -> u128 {
    let units = decimals.map(|decimals| 10u128.saturating_pow(decimals).saturating_mul(UNITS));
    let least = units.unwrap_or_else(|| deposit.saturating_mul(DEPOSITS).max(LEAST));
    least.max(deposit).min(if length == 8 { MOST_IN_64_BITS } else { MOST })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::state::State;
    use codec::Encode;
    use compat::interface::{Constant, Item};
    use frame_metadata::v14::StorageHasher;
    use scale_info::{MetaType, PortableRegistry, Registry, TypeInfo};
    use sp_core::{Pair, sr25519};
    use sp_runtime::traits::{Hash, Keccak256};

    const HASHERS: [StorageHasher; 1] = [StorageHasher::Blake2_128Concat];
    const DEPOSIT: [u8; 16] = 2_000_000_000u128.to_le_bytes();

    #[derive(TypeInfo)]
    #[allow(dead_code, reason = "only its type is used")]
    struct Data {
        free: u128,
        reserved: u128,
    }

    #[derive(TypeInfo)]
    #[allow(dead_code, reason = "only its type is used")]
    struct Info {
        nonce: u32,
        providers: u32,
        data: Data,
    }

    #[derive(TypeInfo)]
    #[allow(dead_code, non_camel_case_types, reason = "only the name of its call is used")]
    enum Call {
        sudo,
    }

    struct Types {
        registry: PortableRegistry,
        info: u32,
        id: u32,
        call: u32,
        default: Vec<u8>,
    }

    fn types<Id: TypeInfo + 'static>() -> Types {
        let mut registry = Registry::new();
        let mut id_of = |ty| registry.register_type(&ty).id;
        let (info, id, call) =
            (id_of(MetaType::new::<Info>()), id_of(MetaType::new::<Id>()), id_of(MetaType::new::<Call>()));
        Types { registry: registry.into(), info, id, call, default: info_of(0, 0, 0) }
    }

    fn info_of(nonce: u32, providers: u32, free: u128) -> Vec<u8> {
        (nonce, providers, free, 9u128 * u128::from(nonce)).encode()
    }

    fn interface(types: &Types) -> Interface<'_> {
        let Types { registry, info, id, call, default } = types;
        let account =
            Item { name: "Account", hashers: &HASHERS, key: Some(*id), value: *info, default, ..Item::default() };
        let pallet = |name, items| Pallet { name, prefix: Some(name), items, ..Pallet::default() };
        let plain = |name| Item { name, ..Item::default() };
        let deposit = Constant { name: "ExistentialDeposit", ty: 0, value: &DEPOSIT };
        let prefix = Constant { name: "SS58Prefix", ty: 0, value: &[0, 0] };
        let pallets = vec![
            Pallet { constants: vec![prefix], ..pallet("System", vec![account]) },
            Pallet { constants: vec![deposit], ..pallet("Balances", vec![plain("TotalIssuance")]) },
            Pallet { calls: Some(*call), ..pallet("Root", vec![plain("Key")]) },
        ];
        Interface { pallets, ..Interface::empty(registry) }
    }

    fn chain(top: Vec<(Vec<u8>, Vec<u8>)>) -> Chain {
        Chain::from_state(State::of_entries(1, top, Vec::new())).expect("a chain")
    }

    fn total() -> Vec<u8> {
        fork::keys::item("Balances", "TotalIssuance")
    }

    #[test]
    fn an_account_keeps_its_nonce_and_what_it_has_more() {
        let types = types::<[u8; 32]>();
        let interface = interface(&types);
        let accounts = Accounts::of(&interface).expect("accounts");
        let known = substrate(&interface).expect("known");
        let key = |place: usize| accounts.key(&known[place].id);
        let rich = (5u128 << 90, info_of(3, 2, 5 << 90));
        let chain = chain(vec![(key(0), info_of(7, 2, 1_000)), (key(1), rich.1), (total(), (rich.0 + 1_000).encode())]);
        let grant = granted(&chain, &interface, None).expect("granted");

        // The deposit is 2 × 10^9, and its multiple is more than the least.
        let least = 2_000_000_000_000_000_000u128;
        assert_eq!(grant.changes[0], (key(0), Some(info_of(7, 2, least))));
        assert_eq!(grant.changes[1], (key(2), Some(info_of(0, 1, least))), "the second account has more");
        let issued = rich.0 + 1_000 + (least - 1_000) + 6 * least;
        assert!(grant.changes.contains(&(total(), Some(issued.encode()))));
        let free: Vec<_> = grant.accounts.accounts.iter().map(|one| one.free.clone()).collect();
        assert_eq!(free[..3], [least.to_string(), rich.0.to_string(), least.to_string()]);
        assert_eq!(grant.accounts.accounts[0].address, "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5");

        // The key of sudo is found by its storage and its call.
        let sudo = (fork::keys::item("Root", "Key"), Some(known[0].id.clone()));
        assert_eq!((grant.changes.last(), grant.missing.len()), (Some(&sudo), 0));
        assert_eq!(grant.accounts.sudo.as_deref(), Some("15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"));

        // A second time nothing is added.
        let mut after = chain.clone();
        after.set(grant.changes).expect("written");
        let again = granted(&after, &interface, None).expect("granted");
        assert_eq!((again.changes, again.accounts), (vec![sudo], grant.accounts));
    }

    #[test]
    fn a_chain_with_accounts_of_20_bytes_has_those_of_ethereum() {
        let types = types::<[u8; 20]>();
        let grant = granted(&chain(Vec::new()), &interface(&types), None).expect("granted");
        let alith = &grant.accounts.accounts[0];
        assert_eq!((alith.name.as_str(), alith.address.as_str()), ETHEREUM[0]);
        assert_eq!(alith.free, 10u128.pow(24).to_string());
        assert_eq!(grant.accounts.sudo.as_deref(), Some(ETHEREUM[0].1));
    }

    #[test]
    fn what_a_chain_does_not_have_is_said() {
        let types = types::<[u8; 32]>();
        let full = || interface(&types);
        let without = |name: &str| {
            let mut interface = full();
            interface.pallets.retain(|pallet| pallet.name != name);
            granted(&chain(Vec::new()), &interface, None).expect("granted")
        };
        let grant = without("Balances");
        assert!(grant.accounts.accounts.is_empty() && grant.accounts.sudo.is_some());
        assert!(grant.missing[0].starts_with("funds: "), "{:?}", grant.missing);
        let grant = without("Root");
        assert!(grant.accounts.accounts.len() == 8 && grant.accounts.sudo.is_none());
        assert!(grant.missing[0].starts_with("sudo: "), "{:?}", grant.missing);
        let grant = without("System");
        assert_eq!((grant.changes.len(), grant.missing.len()), (0, 1));
        // An issuance that would no longer fit, and one that is no number.
        for issued in [u128::MAX.encode(), vec![1, 2, 3]] {
            let grant = granted(&chain(vec![(total(), issued)]), &full(), None).expect("granted");
            assert!(grant.accounts.accounts.is_empty() && grant.missing.len() == 1, "{:?}", grant.missing);
        }
    }

    #[test]
    fn a_balance_is_a_million_units_or_a_multiple_of_the_deposit() {
        assert_eq!(least(Some(12), 1, 16), 10u128.pow(18));
        assert_eq!(least(Some(0), 5_000_000, 16), 5_000_000, "not below the deposit");
        assert_eq!(least(None, 0, 16), 10u128.pow(18));
        assert_eq!(least(None, 10u128.pow(10), 16), 10u128.pow(19));
        for decimals in [Some(38), None] {
            assert_eq!(least(decimals, u128::MAX, 16), MOST);
            assert_eq!(least(decimals, u128::MAX, 8), MOST_IN_64_BITS);
        }
    }

    #[test]
    fn the_accounts_are_those_of_the_development_keys() {
        for (name, account) in SUBSTRATE {
            let pair = sr25519::Pair::from_string(&format!("//{name}"), None).expect("a pair");
            assert_eq!(hex::encode_prefixed(pair.public().0), account, "{name}");
        }
        // A wrong digit would change the letters of the checksum (EIP-55).
        for (name, address) in ETHEREUM {
            let lower = address[2..].to_lowercase();
            let digits = hex::encode(Keccak256::hash(lower.as_bytes()));
            let upper = |(letter, digit): (char, char)| if digit >= '8' { letter.to_ascii_uppercase() } else { letter };
            assert_eq!(lower.chars().zip(digits.chars()).map(upper).collect::<String>(), address[2..], "{name}");
        }
    }
}
