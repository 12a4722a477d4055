//! Where a request came from: the address of the client, seen through configured proxies only, and the block of addresses it counts with.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ipnet::IpNet;

use crate::app::App;
use crate::error::Error;

/// Where a request came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The block that tries are counted by: a /24 of IPv4, a /64 of IPv6.
    pub block: String,
}

impl Client {
    /// The client behind `peer`. `X-Forwarded-For` counts from the right, as far as the hops are configured proxies.
    #[must_use]
    pub fn behind(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Self {
        let trusted = |address: &IpAddr| proxies.iter().any(|net| net.contains(address));
        let mut client = peer.to_canonical();
        let hops = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let mut hops: Vec<&str> = hops.flat_map(|value| value.split(',')).map(str::trim).collect();
        while trusted(&client) {
            let Some(hop) = hops.pop().and_then(parse_hop) else { break };
            client = hop;
        }
        Self { block: block(client) }
    }
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

fn block(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

impl FromRequestParts<App> for Client {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().ok_or(Error::Damaged { what: "peer address" })?;
        Ok(Self::behind(peer.0.ip(), &parts.headers, &app.service.trusted_proxies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().expect("a header"));
        }
        let proxies: Vec<IpNet> = proxies.iter().map(|net| net.parse().expect("a net")).collect();
        Client::behind(peer.parse().expect("an address"), &headers, &proxies).block
    }

    #[test]
    fn forwarded_addresses_count_only_from_configured_proxies() {
        assert_eq!(seen("203.0.113.9", &["198.51.100.7"], &[]), "203.0.113.0/24", "a stranger says anything");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7"], &["10.0.0.0/8"]), "198.51.100.0/24");
        assert_eq!(
            seen("10.0.0.1", &["192.0.2.1, 198.51.100.7"], &["10.0.0.0/8"]),
            "198.51.100.0/24",
            "the rightmost hop is the proxy's word"
        );
        assert_eq!(seen("10.0.0.1", &["198.51.100.7, 10.9.9.9"], &["10.0.0.0/8"]), "198.51.100.0/24", "two proxies");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7", "203.0.113.4"], &["10.0.0.0/8"]), "203.0.113.0/24", "two headers");
        assert_eq!(seen("10.0.0.1", &["nonsense"], &["10.0.0.0/8"]), "10.0.0.0/24");
        assert_eq!(seen("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.0/24");
    }

    #[test]
    fn one_household_is_one_block() {
        assert_eq!(seen("2001:db8:1:2:3:4:5:6", &[], &[]), "2001:db8:1:2::/64");
        assert_eq!(seen("::ffff:203.0.113.9", &[], &[]), "203.0.113.0/24");
        assert_eq!(seen("127.0.0.1", &["[2001:db8::5]:443"], &["127.0.0.1/32"]), "2001:db8::/64");
    }
}
