//! Lists of broker addresses: `host:port,host:port`.

/// Checks the list and removes blanks.
///
/// # Errors
/// The first address that is invalid, and why.
pub fn parse_addresses(text: &str) -> Result<String, String> {
    let servers: Vec<&str> = text.split(',').map(str::trim).collect();
    for server in &servers {
        // librdkafka accepts a security protocol before the address (SASL_SSL://host:9093).
        let address = server.rsplit_once("://").map_or(*server, |(_, address)| address);
        let port = match address.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() => port,
            _ => return Err(format!("{server:?} is not host:port")),
        };
        if !matches!(port.parse::<u16>(), Ok(1..)) {
            return Err(format!("{server:?}: the port must be a number from 1 to 65535"));
        }
    }
    Ok(servers.join(","))
}
