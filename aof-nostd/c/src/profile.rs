//! Which profiles are linked: both, or the one that a feature names.

use crate::error::aof_error;
use crate::types::{AOF_PROFILE_ANY, AOF_PROFILE_CRC, AOF_PROFILE_TIGERBEETLE};

#[cfg(not(any(feature = "tigerbeetle", feature = "crc")))]
compile_error!("aof-c needs a profile: switch the feature `tigerbeetle` on, or `crc`, or both");

/// The profile of a log, decided at run time.
#[cfg(all(feature = "tigerbeetle", feature = "crc"))]
pub(crate) type Profile = aof_nostd::AnyProfile;
/// The only profile.
#[cfg(all(feature = "tigerbeetle", not(feature = "crc")))]
pub(crate) type Profile = aof_nostd::TigerBeetle;
/// The only profile.
#[cfg(not(feature = "tigerbeetle"))]
pub(crate) type Profile = aof_nostd::Crc;

/// The profile with this number; `None` where the log decides.
///
/// # Errors
///
/// [`aof_error::AOF_ERROR_PROFILE`]: there is none with that number, or it is not linked.
#[allow(clippy::useless_conversion, reason = "it is one where two profiles are linked")]
pub(crate) fn profile(number: i32) -> Result<Option<Profile>, aof_error> {
    match number {
        #[cfg(all(feature = "tigerbeetle", feature = "crc"))]
        AOF_PROFILE_ANY => Ok(None),
        #[cfg(not(all(feature = "tigerbeetle", feature = "crc")))]
        AOF_PROFILE_ANY => Ok(Some(Profile::default())),
        #[cfg(feature = "tigerbeetle")]
        AOF_PROFILE_TIGERBEETLE => Ok(Some(aof_nostd::TigerBeetle::default().into())),
        #[cfg(feature = "crc")]
        AOF_PROFILE_CRC => Ok(Some(aof_nostd::Crc.into())),
        _ => Err(aof_error::AOF_ERROR_PROFILE),
    }
}

/// The same, where the log cannot decide: it may be empty.
///
/// # Errors
///
/// As [`profile`], also for [`AOF_PROFILE_ANY`] where two are linked.
pub(crate) fn known(number: i32) -> Result<Profile, aof_error> {
    profile(number)?.ok_or(aof_error::AOF_ERROR_PROFILE)
}

/// The number of a profile.
pub(crate) fn number(profile: &Profile) -> i32 {
    #[cfg(all(feature = "tigerbeetle", feature = "crc"))]
    let is_crc = matches!(profile, aof_nostd::AnyProfile::Crc(_));
    #[cfg(not(all(feature = "tigerbeetle", feature = "crc")))]
    let is_crc = {
        _ = profile;
        cfg!(feature = "crc")
    };
    if is_crc { AOF_PROFILE_CRC } else { AOF_PROFILE_TIGERBEETLE }
}
