//! Templates: runs that the user has saved under a name, each for a topic. Owns the list and its file format, not the
//! browser's storage.

use serde::{Deserialize, Serialize};

use super::encodings::RecordEncoding;
use super::plan::RunPlan;
use formats::Spot;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedTemplate {
    pub name: String,
    pub topic: String,
    pub plan: RunPlan,
    /// How keys and values were written. `None`: saved by an older version of the page, which did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<RecordEncoding>,
}

/// The templates in the order in which they were saved. A topic has at most one template of a name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Templates {
    list: Vec<SavedTemplate>,
    /// The template that was deleted last, and its index.
    deleted: Option<(usize, SavedTemplate)>,
}

/// The file format of templates.
#[derive(Serialize, Deserialize)]
struct File<T> {
    ponte_templates: T,
}

impl Templates {
    /// Malformed JSON counts as no stored value.
    pub fn from_json(text: &str) -> Self {
        let list = protocol::from_json::<File<_>>(text).map(|file| file.ponte_templates).unwrap_or_default();
        Self { list, deleted: None }
    }

    /// The text for the browser's storage and for files.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&File { ponte_templates: &self.list }).unwrap_or_default()
    }

    /// All templates, those of this topic first.
    pub fn listed_for(&self, topic: &str) -> Vec<SavedTemplate> {
        let (mut here, elsewhere): (Vec<_>, Vec<_>) = self.list.iter().cloned().partition(|saved| saved.topic == topic);
        here.extend(elsewhere);
        here
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn index_of(&self, name: &str, topic: &str) -> Option<usize> {
        self.list.iter().position(|saved| saved.name == name && saved.topic == topic)
    }

    pub fn get(&self, name: &str, topic: &str) -> Option<&SavedTemplate> {
        self.index_of(name, topic).map(|at| &self.list[at])
    }

    /// Replaces a template with the same name and topic.
    pub fn save(&mut self, saved: SavedTemplate) {
        match self.index_of(&saved.name, &saved.topic) {
            Some(at) => self.list[at] = saved,
            None => self.list.push(saved),
        }
    }

    /// Returns whether the template was renamed; not if the new name is empty or already used for the topic.
    pub fn rename(&mut self, name: &str, topic: &str, new_name: &str) -> bool {
        let new_name = new_name.trim();
        match self.index_of(name, topic) {
            Some(at) if !new_name.is_empty() && self.index_of(new_name, topic).is_none() => {
                self.list[at].name = new_name.to_owned();
                true
            }
            _ => false,
        }
    }

    pub fn delete(&mut self, name: &str, topic: &str) {
        if let Some(at) = self.index_of(name, topic) {
            self.deleted = Some((at, self.list.remove(at)));
        }
    }

    /// The template that [`Self::undo`] would restore.
    pub fn deleted(&self) -> Option<&SavedTemplate> {
        self.deleted.as_ref().map(|(_, saved)| saved)
    }

    /// Restores the template that was deleted last.
    pub fn undo(&mut self) {
        if let Some((at, saved)) = self.deleted.take()
            && self.index_of(&saved.name, &saved.topic).is_none()
        {
            self.list.insert(at.min(self.list.len()), saved);
        }
    }

    /// Adds the templates of an exported file. Returns their number.
    ///
    /// # Errors
    /// The position at which the text is no longer a file of templates.
    pub fn import(&mut self, text: &str) -> Result<usize, Spot> {
        let file = protocol::from_json::<File<Vec<SavedTemplate>>>(text)
            .map_err(|error| Spot { line: error.line().max(1), column: error.column().max(1) })?;
        let count = file.ponte_templates.len();
        file.ponte_templates.into_iter().for_each(|saved| self.save(saved));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PartEncoding, SubjectStrategy};

    fn saved(name: &str, topic: &str) -> SavedTemplate {
        SavedTemplate { name: name.into(), topic: topic.into(), plan: RunPlan::seed(), encoding: None }
    }

    fn names(templates: &Templates, topic: &str) -> Vec<String> {
        templates.listed_for(topic).into_iter().map(|saved| saved.name).collect()
    }

    fn three() -> Templates {
        let mut templates = Templates::default();
        [saved("a", "x"), saved("b", "y"), saved("c", "y")].into_iter().for_each(|saved| templates.save(saved));
        templates
    }

    #[test]
    fn templates_of_the_topic_come_first() {
        assert_eq!(names(&three(), "y"), ["b", "c", "a"]);
    }

    #[test]
    fn saving_under_the_same_name_replaces_the_template() {
        let mut templates = three();
        templates.save(SavedTemplate { plan: RunPlan { count: None, ..RunPlan::seed() }, ..saved("a", "x") });
        assert_eq!(names(&templates, "x").len(), 3);
        assert_eq!(templates.get("a", "x").and_then(|saved| saved.plan.count), None);
    }

    #[test]
    fn template_is_renamed_unless_the_name_is_used() {
        let mut templates = three();
        assert!(!templates.rename("b", "y", "c") && !templates.rename("b", "y", "  "));
        assert!(templates.rename("b", "y", "d"));
        assert_eq!(names(&templates, "y"), ["d", "c", "a"]);
    }

    #[test]
    fn undo_restores_a_deleted_template_at_its_index() {
        let mut templates = three();
        templates.delete("b", "y");
        assert_eq!(templates.deleted().map(|saved| saved.name.as_str()), Some("b"));
        templates.undo();
        assert_eq!(templates, three());
    }

    #[test]
    fn template_keeps_its_encoding_and_older_ones_have_none() {
        let mut chosen = PartEncoding::of(protocol::RecordFormat::Protobuf);
        chosen.strategy = SubjectStrategy::Subject;
        chosen.name = "orders-v2".into();
        (chosen.version, chosen.message) = (Some(3), "shop.Order".into());
        let encoding = Some(RecordEncoding { key: None, value: Some(chosen) });
        let mut templates = Templates::default();
        templates.save(SavedTemplate { encoding: encoding.clone(), ..saved("a", "x") });
        let text = Some(RecordEncoding::default());
        templates.save(SavedTemplate { encoding: text.clone(), ..saved("b", "x") });
        let loaded = Templates::from_json(&templates.to_json());
        let of = |templates: &Templates, name| templates.get(name, "x").and_then(|saved| saved.encoding.clone());
        assert_eq!((of(&loaded, "a"), of(&loaded, "b")), (encoding, text));
        let older = r#"{"ponte_templates":[{"name":"a","topic":"x","plan":{}}]}"#;
        let older = Templates::from_json(older);
        assert!(older.get("a", "x").is_some() && of(&older, "a").is_none());
    }

    #[test]
    fn exported_templates_can_be_imported() {
        let mut other = Templates::default();
        assert_eq!(other.import(&three().to_json()), Ok(3));
        assert_eq!(other, three());
        assert_eq!(Templates::from_json(&three().to_json()), three());
        assert!(other.import("{\"something\": 1}").is_err());
        assert_eq!(other, three());
    }
}
