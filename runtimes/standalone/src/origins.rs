// SPDX-License-Identifier: Apache-2.0
//! The origin that a referendum on the whitelisted track has.

pub use pallet_custom_origins::{Origin, WhitelistedCaller};

#[frame_support::pallet]
pub mod pallet_custom_origins {
    use frame_support::{pallet_prelude::*, traits::OriginTrait};

    #[pallet::config]
    pub trait Config: frame_system::Config {}

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::origin]
    #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
    pub enum Origin {
        /// May dispatch, with root's powers, what has been whitelisted.
        WhitelistedCaller,
    }

    /// Lets [`Origin::WhitelistedCaller`] pass.
    pub struct WhitelistedCaller;

    impl<O: OriginTrait + From<Origin>> EnsureOrigin<O> for WhitelistedCaller
    where
        for<'a> &'a O::PalletsOrigin: TryInto<&'a Origin>,
    {
        type Success = ();

        fn try_origin(origin: O) -> Result<(), O> {
            let is_it = matches!(origin.caller().try_into(), Ok(Origin::WhitelistedCaller));
            if is_it { Ok(()) } else { Err(origin) }
        }

        #[cfg(feature = "runtime-benchmarks")]
        fn try_successful_origin() -> Result<O, ()> {
            Ok(O::from(Origin::WhitelistedCaller))
        }
    }
}
