//! To which addresses a token may be sent.

use std::error::Error;
use std::net::IpAddr;

use reqwest::Url;

/// Checks that what is sent to an address cannot be read on the way: it is encrypted, or stays on
/// this host, which is returned.
pub(crate) fn may_be_told(
    address: &str,
    encrypted: &str,
    plain: &str,
) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let url = Url::parse(address)?;
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let here = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    match url.scheme() {
        scheme if scheme == encrypted => Ok(here),
        scheme if scheme == plain && here => Ok(true),
        scheme if scheme == plain => {
            Err(format!("{host} is not this host, and is not reached by {encrypted}").into())
        }
        scheme => Err(format!("{scheme} is neither {encrypted} nor {plain}").into()),
    }
}
