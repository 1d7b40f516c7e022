//! `--base-path`: the path below which the bridge is served, for proxies that pass on the whole path of a request.

use std::fmt;
use std::str::FromStr;

use warp::http::Uri;
use warp::http::uri::PathAndQuery;

/// Answered without the base path too, so that a probe that reaches the bridge directly need not know it.
const ALSO_WITHOUT: [&str; 5] = ["/healthz", "/readyz", "/metrics", "/api/cluster", "/api/clusters"];

/// `/ponte`; empty for the root. It has no slash at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// What a request's path means to a bridge with this base path.
#[derive(Debug, PartialEq, Eq)]
pub enum Resolved {
    /// The request is for this path of the bridge.
    Path(Uri),
    /// The page is at this other path.
    Redirect(String),
    /// The path is not below the base path.
    Outside,
}

impl BasePath {
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub fn resolve(&self, target: &Uri) -> Resolved {
        let path = target.path();
        if self.0.is_empty() || ALSO_WITHOUT.contains(&path) {
            return Resolved::Path(target.clone());
        }
        let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
        match path.strip_prefix(&self.0) {
            Some(rest) if rest.starts_with('/') => Self::below(target, rest, &query),
            // The page's relative addresses need the slash.
            Some("") => Resolved::Redirect(format!("{self}{query}")),
            _ if path == "/" => Resolved::Redirect(format!("{self}{query}")),
            _ => Resolved::Outside,
        }
    }

    fn below(target: &Uri, rest: &str, query: &str) -> Resolved {
        // A target `/ponte//host` must not become one that names a host.
        let Ok(path) = PathAndQuery::try_from(format!("{rest}{query}")) else { return Resolved::Outside };
        let mut parts = target.clone().into_parts();
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).map_or(Resolved::Outside, Resolved::Path)
    }
}

/// With a slash at its end, as the page's address has it.
impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.0)
    }
}

impl FromStr for BasePath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = text.trim_end_matches('/');
        if path.is_empty() {
            return Ok(Self::default());
        }
        let is_plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'/' | b'-' | b'_' | b'.' | b'~');
        let Some(segments) = path.strip_prefix('/') else {
            return Err("a base path begins with a slash, such as /ponte");
        };
        if segments.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err("a base path has no empty segment and no . or .. segment");
        }
        match path.bytes().all(is_plain) {
            true => Ok(Self(path.to_owned())),
            false => Err("a base path has only letters, digits and - _ . ~ between its slashes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(base: &str, target: &str) -> Resolved {
        let base: BasePath = base.parse().expect("a base path");
        base.resolve(&target.parse().expect("a target"))
    }

    fn path(target: &str) -> Resolved {
        Resolved::Path(target.parse().expect("a target"))
    }

    #[test]
    fn base_path_is_removed_and_its_own_address_is_redirected_to_the_slash() {
        assert_eq!(resolve("/ponte", "/ponte/ws?a=b"), path("/ws?a=b"));
        assert_eq!(resolve("/a/ponte/", "/a/ponte/"), path("/"));
        assert_eq!(resolve("/ponte", "http://h.example/ponte/x"), path("http://h.example/x"));
        assert_eq!(resolve("/ponte", "/ponte"), Resolved::Redirect("/ponte/".to_owned()));
        assert_eq!(resolve("/ponte", "/?view=topics"), Resolved::Redirect("/ponte/?view=topics".to_owned()));
    }

    #[test]
    fn other_paths_are_outside_except_probes() {
        for target in ["/ws", "/pontes/ws", "/ponteish", "/other/ponte/ws"] {
            assert_eq!(resolve("/ponte", target), Resolved::Outside, "{target}");
        }
        assert_eq!(resolve("/ponte", "/healthz"), path("/healthz"));
        assert_eq!(resolve("/ponte", "/ponte/healthz"), path("/healthz"));
    }

    #[test]
    fn without_a_base_path_every_target_is_kept() {
        for target in ["/", "/ws", "//x", "/ponte/"] {
            assert_eq!(resolve("/", target), path(target));
        }
    }

    #[test]
    fn invalid_base_paths_are_refused() {
        for text in ["ponte", "/a//b", "/..", "/a b", "/a?b", "/à", "http://x/y"] {
            assert!(text.parse::<BasePath>().is_err(), "{text}");
        }
    }
}
