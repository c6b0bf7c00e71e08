// SPDX-License-Identifier: Apache-2.0
//! The accounts that act for another one (pallet-proxy).

use super::{Tried, trial::Seen};
use crate::{account::address, dispatch::stage::Member};
use fork::Chain;
use proposal::{Target, Value, decode, encode, json, verified};
use serde::Serialize;
use worker::{Failure, Result};

/// The most accounts that are tried. `MaxProxies` of known chains is 32.
const MOST: usize = 64;

/// An account that acts for another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegate {
    pub account: Vec<u8>,
    /// The name of the proxy type in the runtime.
    pub proxy_type: String,
    /// The blocks between the announcement of a call and the call.
    pub delay: u64,
}

/// The proxies of an account in the state.
pub struct Proxies {
    pub delegates: Vec<Delegate>,
    key: Vec<u8>,
    ty: u32,
    value: Value,
}

impl Proxies {
    /// Reads the proxies of an account: nothing if it has none. The inner error says why they are not known.
    pub fn of(member: &Member, chain: &Chain, account: &[u8]) -> Result<std::result::Result<Option<Self>, String>> {
        let interface = member.interface()?;
        let Some((pallet, item)) = interface.pallet("Proxy").and_then(|pallet| Some((pallet, pallet.item("Proxies")?)))
        else {
            return Ok(Ok(None));
        };
        let unknown = format!("the chain keeps proxies in a form that is not known here, or more than {MOST} of them");
        let Some(key) = pallet.entry("Proxies", account) else { return Ok(Err(unknown)) };
        let Some(bytes) = chain.storage(&key)? else { return Ok(Ok(None)) };
        let Ok(value) = decode::value(member.target.types(), item.value, &bytes) else { return Ok(Err(unknown)) };
        let Some(delegates) = delegates(&value) else { return Ok(Err(unknown)) };
        Ok(Ok(Some(Self { delegates, key, ty: item.value, value })))
    }

    /// Returns a copy of the chain on which no delegate has to announce its calls, so that the filters of their types can
    /// be tried at once.
    pub fn without_delays(&self, member: &Member, chain: &Chain) -> Result<Chain> {
        let mut value = self.value.clone();
        at_once(&mut value);
        let mut chain = chain.clone();
        chain.set(vec![(self.key.clone(), Some(encode::value(&member.target, self.ty, &value)?))])?;
        Ok(chain)
    }
}

/// Sets each delay of a list of proxies to zero.
fn at_once(value: &mut Value) {
    match value {
        Value::List(all) => all.iter_mut().for_each(at_once),
        Value::Fields(fields) => fields.iter_mut().for_each(|field| match field.name.as_deref() {
            Some("delay") => field.value = Value::Number(0),
            _ => at_once(&mut field.value),
        }),
        _ => {}
    }
}

/// Reads the list of `ProxyDefinition { delegate, proxy_type, delay }`, which a deposit follows. Nothing if it is too long
/// for all to be tried.
fn delegates(value: &Value) -> Option<Vec<Delegate>> {
    let Value::Fields(parts) = value else { return None };
    let Value::List(all) = &parts.first()?.value else { return None };
    let delegate = |one: &Value| -> Option<Delegate> {
        match (one.field("delegate")?, one.field("proxy_type")?, one.field("delay")?) {
            (Value::Bytes(account), Value::Variant { name, .. }, Value::Number(delay)) => Some(Delegate {
                account: account.clone(),
                proxy_type: name.clone(),
                delay: u64::try_from(*delay).unwrap_or(u64::MAX),
            }),
            _ => None,
        }
    };
    if all.len() > MOST {
        return None;
    }
    all.iter().map(delegate).collect()
}

/// Returns why it is not known whether an account reaches Sudo, although it was not seen to. `unread` says why the proxies
/// of the key are not known.
pub fn unknown(
    member: &Member,
    chain: &Chain,
    account: &[u8],
    (tried, unread): (&[Tried], Option<&String>),
    prefix: u16,
) -> Result<Option<String>> {
    if let Some(why) = untried(account, tried).or(unread) {
        return Ok(Some(why.clone()));
    }
    // An account that acts for one that acts for the key reaches Sudo by two calls of Proxy.
    for between in tried.iter().filter(|tried| tried.delegate.is_some() && tried.seen.suffices() == Some(true)) {
        match Proxies::of(member, chain, &between.account)? {
            Ok(Some(proxies)) if proxies.delegates.iter().any(|one| one.account == account) => {
                let between = address(&between.account, prefix);
                return Ok(Some(format!("it acts for {between}, and calls for two accounts are not made here")));
            }
            Ok(_) => {}
            Err(why) => return Ok(Some(why)),
        }
    }
    Ok(None)
}

/// Returns why an account could not be tried.
pub fn untried<'t>(account: &[u8], tried: &'t [Tried]) -> Option<&'t String> {
    tried.iter().filter(|tried| tried.account == account).find_map(|tried| match &tried.seen {
        Seen::NotJudged(why) => Some(why),
        _ => None,
    })
}

/// Returns the type that a delegate names in its calls. The runtime takes the first one of several, so only a delegate
/// that has several names one; wallets leave it out.
pub fn forced<'d>(delegate: &'d Delegate, all: impl Iterator<Item = &'d Delegate>) -> Option<&'d str> {
    let types = all.filter(|other| other.account == delegate.account).count();
    (types > 1).then_some(delegate.proxy_type.as_str())
}

/// Returns the call by which a delegate dispatches a call for an account, as a proxy of the type that is named.
///
/// # Errors
///
/// A pallet Proxy of another form is not judged.
pub fn call(target: &Target, proxy_type: Option<&str>, real: &[u8], call: &[u8]) -> Result<Vec<u8>> {
    let (real, call) = (hex::encode_prefixed(real), hex::encode_prefixed(call));
    let force_proxy_type = proxy_type.map(str::to_owned);
    encoded(target, "Proxy.proxy", &ProxyArguments { real, force_proxy_type, call })
}

/// The arguments of `Proxy.proxy`.
#[derive(Serialize)]
struct ProxyArguments {
    real: String,
    force_proxy_type: Option<String>,
    call: String,
}

/// Encodes a call of the pallets Proxy and Multisig, and decodes it again. Bytes are `0x` and hex in the arguments.
pub fn encoded(target: &Target, name: &str, arguments: &impl Serialize) -> Result<Vec<u8>> {
    let arguments = serde_json::to_value(arguments)
        .map_err(|error| Failure::internal("arguments are no JSON").found(error.to_string()))?;
    let call = json::call(target, name, &arguments).and_then(|value| verified::encode(target, value));
    call.map(|call| call.bytes).map_err(|failure| {
        Failure::not_judged(format!("{} has {name} in a form that is not known here", target.name()))
            .found(failure.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proposal::{Field, named};

    fn definition(name: &str, delay: u128) -> Value {
        Value::Fields(vec![
            named("delegate", Value::bytes([7; 32])),
            named("proxy_type", Value::unit_variant(name)),
            named("delay", Value::Number(delay)),
        ])
    }

    #[test]
    fn delegates_are_read_with_their_types_and_delays() {
        let list = |all: Vec<Value>| {
            let parts = [Value::List(all), Value::Number(1_000)];
            Value::Fields(parts.into_iter().map(|value| Field { name: None, value }).collect())
        };
        let found = delegates(&list(vec![definition("Any", 0), definition("Staking", 5)])).expect("read");
        let of = |name: &str, delay| Delegate { account: vec![7; 32], proxy_type: name.into(), delay };
        assert_eq!(found, [of("Any", 0), of("Staking", 5)]);
        assert_eq!(delegates(&list(Vec::new())), Some(Vec::new()));
        assert_eq!(delegates(&list(vec![Value::Number(7)])), None);
        // Nobody is left out.
        let many = |count| delegates(&list(vec![definition("Any", 0); count])).map(|found| found.len());
        assert_eq!((many(MOST), many(MOST + 1)), (Some(MOST), None));
        assert_eq!(delegates(&Value::Number(7)), None);

        let mut delayed = list(vec![definition("Any", 7), definition("Staking", 5)]);
        at_once(&mut delayed);
        assert_eq!(delegates(&delayed), Some(vec![of("Any", 0), of("Staking", 0)]));

        // The runtime would take the first type for the second one too.
        assert_eq!(forced(&found[1], found.iter()), Some("Staking"));
        assert_eq!(forced(&found[1], found[1..].iter()), None);
    }
}
