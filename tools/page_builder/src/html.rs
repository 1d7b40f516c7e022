//! Inserts the references to the built files into `index.html`. The bridge's Content-Security-Policy forbids inline
//! scripts and styles, so scripts and the stylesheet are separate files.

use std::fmt::Write as _;
use std::ops::Range;

use anyhow::{Context, Result, bail};

/// The attribute of elements for `trunk serve`. Both builds use the same template: trunk replaces these elements, and
/// this builder removes them.
const TRUNK_MARK: &str = "data-trunk";

pub(crate) const SKIPPED: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Ponte: page not built</title>
<h1>This bridge was built without its page</h1>
<p>The environment variable <code>PONTE_SKIP_PAGE</code> was set while compiling. Unset it and build again:
<code>cargo run -p bridge</code>.</p>
</html>
";

/// Paths of the built files on the server, relative to the page, because the page may be served below any path.
pub(crate) struct References<'a> {
    pub code: &'a str,
    pub glue: &'a str,
    /// The module that loads further parts of the code; the glue imports it.
    pub loader: &'a str,
    pub start: &'a str,
    pub style: &'a str,
    pub icon: Option<&'a str>,
}

/// The module that starts the page. If the start fails, it shows the template's error text (`boot-failed`) and the
/// browser's message. `glue.default` returns before the page is drawn, so a panic while drawing arrives as an event; the
/// element `boot` is there until the page is drawn, and then takes the error text with it. If the code panics later, so that the page no longer reacts, the module
/// shows the text `stopped` in the same way.
///
/// The first run of the page's code blocks the thread for several frames. So the module first waits until the code is
/// compiled, the stylesheet is loaded (the template does not contain it, so that the first paint does not wait for it),
/// and the browser has painted the template. It does not wait for the paint in a hidden tab, and at most 100 ms
/// otherwise.
pub(crate) fn start_module(glue: &str, code: &str, style: &str) -> String {
    START.replace("GLUE", glue).replace("CODE", code).replace("STYLE", style)
}

const START: &str = "\
const styled = new Promise((done, fail) => {
  const link = document.createElement('link');
  const failed = () => fail(new Error('the stylesheet did not load'));
  document.head.append(Object.assign(link, {rel: 'stylesheet', href: 'STYLE', onload: done, onerror: failed}));
});
const drawn = new Promise(done => {
  if (document.hidden) done();
  requestAnimationFrame(() => setTimeout(done));
  setTimeout(done, 100);
});
const show = (id, error) => {
  const words = document.getElementById(id);
  if (!words?.hidden) return;
  words.append(` (${error})`);
  words.hidden = false;
};
const stopped = error => {
  if (document.getElementById('boot')) show('boot-failed', error);
  else if (error instanceof WebAssembly.RuntimeError) show('stopped', error);
};
addEventListener('error', event => stopped(event.error));
addEventListener('unhandledrejection', event => stopped(event.reason));
try {
  const code = WebAssembly.compileStreaming(fetch('CODE'));
  const [glue, module_or_path] = await Promise.all([import('./GLUE'), code, styled, drawn]);
  await glue.default({module_or_path});
} catch (error) {
  show('boot-failed', error);
  throw error;
}
";

/// Puts the references at the end of the template's head.
pub(crate) fn fill_template(template: &str, references: &References<'_>) -> Result<String> {
    let template = without_trunk_elements(template)?;
    let Some(head_end) = template.find("</head>") else {
        bail!("the template has no </head>, before which the references to the built files are inserted");
    };

    let References { code, glue, loader, start, style, icon } = references;
    let mut links = String::new();
    if let Some(icon) = icon {
        let _ = writeln!(links, "<link rel=\"icon\" type=\"image/svg+xml\" href=\"{icon}\">");
    }
    // All of these files start to load at once instead of one after the other. `crossorigin` makes the preload match the
    // request of `fetch` in the start module.
    let _ = writeln!(links, "<link rel=\"preload\" as=\"style\" href=\"{style}\">");
    let _ =
        writeln!(links, "<link rel=\"preload\" as=\"fetch\" type=\"application/wasm\" crossorigin href=\"{code}\">");
    let _ = writeln!(links, "<link rel=\"modulepreload\" href=\"{glue}\">");
    let _ = writeln!(links, "<link rel=\"modulepreload\" href=\"{loader}\">");
    let _ = writeln!(links, "<script type=\"module\" src=\"{start}\"></script>");

    let (before, after) = template.split_at(head_end);
    Ok(format!("{before}{links}{after}"))
}

/// The `href` of each `<link data-trunk rel="css">` of the template, in their order; relative to the template.
pub(crate) fn stylesheet_links(template: &str) -> Result<Vec<&str>> {
    let elements = trunk_elements(template)?.into_iter().map(|range| &template[range]);
    let stylesheets = elements.filter(|element| attribute(element, "rel") == Some("css"));
    stylesheets.map(|element| attribute(element, "href").with_context(|| format!("{element} has no href"))).collect()
}

/// The value of an attribute that is written in double quotes.
fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = element.split_once(&format!(" {name}=\""))?;
    Some(value.split_once('"')?.0)
}

fn without_trunk_elements(template: &str) -> Result<String> {
    let mut kept = String::new();
    let mut end = 0;
    for element in trunk_elements(template)? {
        kept.push_str(&template[end..element.start]);
        let rest = template[element.end..].trim_start_matches([' ', '\t']);
        let rest = rest.strip_prefix('\n').unwrap_or(rest);
        end = template.len() - rest.len();
    }
    kept.push_str(&template[end..]);
    Ok(kept)
}

/// The positions of the elements for trunk.
fn trunk_elements(template: &str) -> Result<Vec<Range<usize>>> {
    let element_at = |mark: usize| {
        let (Some(start), Some(length)) = (template[..mark].rfind('<'), template[mark..].find('>')) else {
            bail!("`{TRUNK_MARK}` is not inside an element");
        };
        let element = start..mark + length + 1;
        if !template[element.clone()].starts_with("<link") {
            bail!("`{TRUNK_MARK}` is allowed only on <link> elements: {}", &template[element]);
        }
        Ok(element)
    };
    template.match_indices(TRUNK_MARK).map(|(mark, _)| element_at(mark)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCES: References<'_> =
        References { code: "c.wasm", glue: "g.js", loader: "l.js", start: "s.js", style: "s.css", icon: Some("i.svg") };

    #[test]
    fn references_are_inserted_at_the_end_of_the_head_and_trunk_elements_are_removed() {
        let template = "<html><head>\n<title>x</title>\n<link data-trunk rel=\"rust\">\n</head><body></body></html>";
        let filled = fill_template(template, &REFERENCES).expect("a valid template");
        assert_eq!(
            filled,
            "<html><head>\n<title>x</title>\n\
             <link rel=\"icon\" type=\"image/svg+xml\" href=\"i.svg\">\n\
             <link rel=\"preload\" as=\"style\" href=\"s.css\">\n\
             <link rel=\"preload\" as=\"fetch\" type=\"application/wasm\" crossorigin href=\"c.wasm\">\n\
             <link rel=\"modulepreload\" href=\"g.js\">\n\
             <link rel=\"modulepreload\" href=\"l.js\">\n\
             <script type=\"module\" src=\"s.js\"></script>\n\
             </head><body></body></html>"
        );
    }

    #[test]
    fn template_without_a_head_is_refused() {
        let error = fill_template("<html></html>", &REFERENCES).expect_err("no head");
        assert!(error.to_string().contains("</head>"), "{error}");
    }

    #[test]
    fn stylesheet_links_are_the_trunk_links_in_their_order() {
        let template = "<head><link rel=\"css\" href=\"plain.css\"><link data-trunk rel=\"rust\" href=\"Cargo.toml\">\n\
                        <link data-trunk rel=\"css\" href=\"z.css\">\n<link data-trunk href=\"src/a.css\" rel=\"css\"></head>";
        assert_eq!(stylesheet_links(template).expect("a valid template"), ["z.css", "src/a.css"]);
    }

    #[test]
    fn stylesheet_link_without_href_is_refused() {
        let error = stylesheet_links("<head><link data-trunk rel=\"css\"></head>").expect_err("no href");
        assert!(error.to_string().contains("href"), "{error}");
    }
}
