//! Accessibility checks with axe-core: violations of WCAG in what the page shows.

use crate::Page;
use crate::skip::target_dir;

/// The rules of WCAG 2.2 up to level AA. The size of targets is one of them, but axe-core checks it only on request.
const RULES: &str = "runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}, \
     rules: {'target-size': {enabled: true}}";
/// The rules about colours.
const RULES_OF_COLOURS: &str = "runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}";

impl Page {
    /// Fails if axe-core finds a violation of WCAG 2.2 AA. `state` says what the page shows, for the failure message.
    pub async fn assert_accessible(&self, state: &str) {
        self.assert_axe_finds_nothing(RULES, state).await;
    }

    /// The same with the rules about colours alone, for a page that was checked completely in other colours.
    pub async fn assert_legible(&self, state: &str) {
        self.assert_axe_finds_nothing(RULES_OF_COLOURS, state).await;
    }

    async fn assert_axe_finds_nothing(&self, rules: &str, state: &str) {
        if !self.eval::<bool>("'axe' in window").await {
            self.run_script(&axe_core()).await;
        }
        let violations: Vec<String> = self
            .eval(&format!(
                "axe.run(document, {{{rules}, resultTypes: ['violations'], preload: false}}).then(found => \
                 found.violations.flatMap(rule => rule.nodes.map(node => \
                 `${{rule.id}}: ${{node.target.join(' ')}}: ${{node.html.slice(0, 160)}}\n    ${{node.failureSummary}}`)))"
            ))
            .await;
        assert!(violations.is_empty(), "{state} shuts people out:\n{}", violations.join("\n"));
    }
}

/// The script that `cargo xtask setup` has fetched.
fn axe_core() -> String {
    let script = target_dir().join("axe-core/axe.min.js");
    std::fs::read_to_string(&script)
        .unwrap_or_else(|error| panic!("no axe-core at {}: {error}. To fetch it: cargo xtask setup", script.display()))
}
