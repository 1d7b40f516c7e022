//! The address under which browsers reach the page, the paths below it, and the cookies that belong to it.

use url::Url;
use warp::http::HeaderValue;
use warp::http::header::{COOKIE, HeaderMap};

use crate::http::BasePath;

/// Where the provider sends the browser back to, relative to the page.
const CALLBACK: &str = "auth/callback";

/// What the paths of sign-in and sign-out begin with, relative to the page.
const AUTH: &str = "auth/";

/// Longer addresses of the page are not returned to.
const MAX_RETURN_BYTES: usize = 4096;

/// More cookies of one name than this come from no browser that the bridge has given its cookies to.
const MAX_SAME_COOKIES: usize = 8;

#[derive(Clone, Debug)]
pub struct Site {
    /// `https://ponte.example`
    origin: String,
    /// With a slash at its beginning and its end.
    path: String,
    is_https: bool,
}

/// The two cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// Says which browser has started a sign-in. Only the paths below `auth/` get it, unless the page is at `/` and has HTTPS: the prefix
    /// `__Host-` matters more.
    SignIn,
    /// Identifies the session of a user who has signed in.
    Session,
}

impl Site {
    /// `url`: where browsers reach the bridge. Its path, if any, is the part that a proxy removes.
    ///
    /// # Errors
    /// If the address is not that of a page.
    pub fn new(url: &str, base_path: &BasePath) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        let is_https = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(format!("{other} is not a scheme of web pages; use https or http")),
        };
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err("the address has only a scheme, a host, and optionally a port and a path".to_owned());
        }
        let path = format!("{}{base_path}", url.path().trim_end_matches('/'));
        Ok(Self { origin: url.origin().ascii_serialization(), path, is_https })
    }

    /// The path of the page.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The address of the page.
    pub fn page(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    pub fn callback(&self) -> String {
        format!("{}{CALLBACK}", self.page())
    }

    /// The path that a browser may be sent to after its sign-in: `next` if it is an address of this page, else the page.
    pub fn return_path(&self, next: Option<&str>) -> String {
        next.filter(|next| self.is_own_path(next)).unwrap_or(&self.path).to_owned()
    }

    /// Whether a browser resolves the text to an address of the page. Browsers take a backslash for a slash, `//` for
    /// the beginning of a host, and ignore control characters.
    fn is_own_path(&self, next: &str) -> bool {
        let is_plain = next.len() <= MAX_RETURN_BYTES && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        let Some(below) = next.strip_prefix(&self.path).filter(|below| is_plain && !below.starts_with('/')) else {
            return false;
        };
        let path = below.split(['?', '#']).next().unwrap_or_default();
        // A browser resolves `..`, also if it is percent-encoded, and would leave the page's path.
        let is_dots = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        !path.starts_with(AUTH) && !path.split('/').any(is_dots)
    }

    /// The values of the cookie in the request. There may be several, set for different paths.
    pub fn cookies<'h>(&self, cookie: Cookie, headers: &'h HeaderMap) -> impl Iterator<Item = &'h str> + use<'h> {
        let name = self.name(cookie);
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(move |(given, _)| *given == name).map(|(_, value)| value).take(MAX_SAME_COOKIES)
    }

    /// The value of `Set-Cookie`.
    pub fn set_cookie(&self, cookie: Cookie, value: &str, lifetime_secs: u64) -> HeaderValue {
        let secure = if self.is_https { "; Secure" } else { "" };
        let (name, path) = (self.name(cookie), self.path_of(cookie));
        let text = format!("{name}={value}; Path={path}; Max-Age={lifetime_secs}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::try_from(text).expect("path and value have only visible ASCII characters")
    }

    /// The value of `Set-Cookie` that deletes the cookie.
    pub fn delete_cookie(&self, cookie: Cookie) -> HeaderValue {
        self.set_cookie(cookie, "", 0)
    }

    fn path_of(&self, cookie: Cookie) -> String {
        match cookie {
            Cookie::SignIn if !(self.is_https && self.path == "/") => format!("{}{AUTH}", self.path),
            Cookie::SignIn | Cookie::Session => self.path.clone(),
        }
    }

    /// Browsers accept the prefixes only over HTTPS, so that a page without encryption cannot set the cookie; with
    /// `__Host-`, which needs the path `/`, no neighbouring host can either.
    fn name(&self, cookie: Cookie) -> String {
        let name = match cookie {
            Cookie::SignIn => "ponte-sign-in",
            Cookie::Session => "ponte-session",
        };
        let prefix = match (self.is_https, self.path_of(cookie).as_str()) {
            (false, _) => "",
            (true, "/") => "__Host-",
            (true, _) => "__Secure-",
        };
        format!("{prefix}{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(url: &str, base_path: &str) -> Site {
        Site::new(url, &base_path.parse().expect("a base path")).expect("an address")
    }

    #[test]
    fn address_of_the_page_has_the_path_of_the_proxy_and_the_base_path() {
        for (url, base_path, callback) in [
            ("https://ponte.example", "/", "https://ponte.example/auth/callback"),
            ("https://ponte.example:8443/", "/ponte", "https://ponte.example:8443/ponte/auth/callback"),
            ("http://localhost:3030/kafka/", "/", "http://localhost:3030/kafka/auth/callback"),
        ] {
            assert_eq!(site(url, base_path).callback(), callback);
        }
        for wrong in ["ponte.example", "ftp://ponte.example", "https://a:b@ponte.example", "https://ponte.example/?a"] {
            assert!(Site::new(wrong, &BasePath::default()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn browser_returns_only_to_addresses_of_this_page() {
        let site = site("https://ponte.example", "/ponte");
        for own in
            ["/ponte/", "/ponte/?topic=orders&from=-1h#/topics", "/ponte/index.html", "/ponte/?next=https://a//b"]
        {
            assert_eq!(site.return_path(Some(own)), own);
        }
        let long = format!("/ponte/?{}", "x".repeat(MAX_RETURN_BYTES));
        for foreign in [
            "",
            "/",
            "/pont",
            "/ponte",
            "/ponteverde/",
            "https://evil.example/ponte/",
            "//evil.example/ponte/",
            "/ponte//evil.example",
            "/\\evil.example",
            "/ponte/\\evil.example",
            "/ponte/\n",
            "/ponte/\t/evil.example",
            "/ponte/ a",
            "/ponte/é",
            "/ponte/../evil",
            "/ponte/a/%2E./%2e%2e/evil",
            "/ponte/./",
            "/ponte/auth/sign-in?next=/ponte/",
            "/ponte/auth/callback",
            "javascript:alert(1)",
            &long,
        ] {
            assert_eq!(site.return_path(Some(foreign)), "/ponte/", "{foreign:?}");
        }
        assert_eq!(site.return_path(None), "/ponte/");
    }

    #[test]
    fn browser_returns_to_no_other_host_from_a_page_at_the_root() {
        let site = site("https://ponte.example", "/");
        for foreign in ["//evil.example", "/\\evil.example", "///evil.example", "evil.example", "\\\\evil.example"] {
            assert_eq!(site.return_path(Some(foreign)), "/", "{foreign:?}");
        }
    }

    #[test]
    fn cookies_are_as_narrow_as_the_address_allows() {
        for (url, base_path, expected) in [
            ("https://a.example", "/", "__Host-ponte-session=v; Path=/; Max-Age=9; HttpOnly; SameSite=Lax; Secure"),
            (
                "https://a.example",
                "/ponte",
                "__Secure-ponte-session=v; Path=/ponte/; Max-Age=9; HttpOnly; SameSite=Lax; Secure",
            ),
            ("http://localhost:3030", "/", "ponte-session=v; Path=/; Max-Age=9; HttpOnly; SameSite=Lax"),
        ] {
            assert_eq!(site(url, base_path).set_cookie(Cookie::Session, "v", 9), expected);
        }
        for (url, base_path, expected) in [
            ("https://a.example", "/", "__Host-ponte-sign-in=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"),
            (
                "https://a.example",
                "/ponte",
                "__Secure-ponte-sign-in=; Path=/ponte/auth/; Max-Age=0; HttpOnly; SameSite=Lax; Secure",
            ),
            ("http://localhost:3030", "/", "ponte-sign-in=; Path=/auth/; Max-Age=0; HttpOnly; SameSite=Lax"),
        ] {
            assert_eq!(site(url, base_path).delete_cookie(Cookie::SignIn), expected);
        }
    }

    #[test]
    fn cookies_of_other_programs_are_ignored() {
        let site = site("http://localhost:3030", "/");
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=b; ponte-session=one;ponte-session=two; xponte-session=x"));
        headers
            .append(COOKIE, HeaderValue::from_static("__Host-ponte-session=three; ponte-session; ponte-session=a=b"));
        headers.append(COOKIE, HeaderValue::from_bytes(b"ponte-session=\xff").expect("allowed in a header"));
        assert_eq!(site.cookies(Cookie::Session, &headers).collect::<Vec<_>>(), ["one", "two", "a=b"]);
        let many = "ponte-session=x; ".repeat(1000);
        headers.insert(COOKIE, many.parse().expect("allowed in a header"));
        assert_eq!(site.cookies(Cookie::Session, &headers).count(), MAX_SAME_COOKIES);
    }
}
