//! What a browser does with redirects and cookies, by plain HTTP: for a page that users reach under a name which exists only in this
//! test, as behind a proxy with TLS.

use std::collections::HashMap;

use url::Url;

use crate::http::{Request, Response};

/// More redirects than any sign-in needs.
const MAX_REDIRECTS: usize = 12;

#[derive(Clone, Debug)]
pub struct HttpBrowser {
    /// The address where the page's host really is.
    address: String,
    /// `https://ponte.test`
    origin: String,
    /// By host with port; each has name, path and value of its cookies.
    cookies: HashMap<String, Vec<(String, String, String)>>,
}

impl HttpBrowser {
    pub fn new(origin: &str, address: &str) -> Self {
        Self { address: address.to_owned(), origin: origin.to_owned(), cookies: HashMap::new() }
    }

    /// The absolute address of a path of the page.
    pub fn url(&self, path: &str) -> Url {
        format!("{}{path}", self.origin).parse().expect("a path")
    }

    /// One request, without following a redirect.
    pub async fn get(&mut self, url: &Url) -> Response {
        self.send(url, Request::get(&target(url))).await
    }

    /// One request of a script of the page.
    pub async fn post(&mut self, path: &str, origin: &str) -> Response {
        let url = self.url(path);
        self.send(&url, Request::post(&target(&url)).header("origin", origin)).await
    }

    /// Follows redirects until `stop` holds for the address that would be next, or an answer is none. Returns the
    /// address of the answer, or the one at which it has stopped.
    pub async fn follow(&mut self, url: Url, stop: impl Fn(&Url) -> bool) -> (Url, Option<Response>) {
        let mut url = url;
        for _ in 0..MAX_REDIRECTS {
            if stop(&url) {
                return (url, None);
            }
            let response = self.get(&url).await;
            if !response.status.is_redirection() {
                return (url, Some(response));
            }
            url = url.join(response.header("location")).expect("an address");
        }
        panic!("too many redirects; the last one is to {url}");
    }

    /// The `Cookie` header for a path of the page.
    pub fn cookie(&self, path: &str) -> String {
        self.cookie_of(&self.url(path))
    }

    fn cookie_of(&self, url: &Url) -> String {
        let of_host = self.cookies.get(url.authority()).map(Vec::as_slice).unwrap_or_default();
        let sent = of_host.iter().filter(|(_, path, _)| url.path().starts_with(path.as_str()));
        sent.map(|(name, _, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    async fn send(&mut self, url: &Url, request: Request) -> Response {
        let (cookie, host) = (self.cookie_of(url), url.authority().to_owned());
        let is_page = url.as_str().starts_with(&self.origin);
        let address = if is_page { self.address.clone() } else { host.clone() };
        let request = request.header("host", &host);
        let request = if cookie.is_empty() { request } else { request.header("cookie", &cookie) };
        let response = request.send(&address).await;
        let of_host = self.cookies.entry(host).or_default();
        for line in response.headers.get_all("set-cookie") {
            let line = line.to_str().expect("a printable cookie");
            let mut parts = line.split(';').map(str::trim);
            let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("name and value");
            let path = parts.find_map(|part| part.to_ascii_lowercase().starts_with("path=").then(|| &part[5..]));
            let path = path.unwrap_or("/");
            of_host.retain(|(other, other_path, _)| (other.as_str(), other_path.as_str()) != (name, path));
            // Both programs delete a cookie by an empty value.
            if !value.is_empty() {
                of_host.push((name.to_owned(), path.to_owned(), value.to_owned()));
            }
        }
        response
    }
}

fn target(url: &Url) -> String {
    url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
}
