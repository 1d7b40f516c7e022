//! Parses the messages that the app state uses. Replies and updates for components stay text until they are delivered
//! (`component_requests.rs`), so that the code which parses them is loaded with the component.

use protocol::{
    AddSchemaResult, Assigned, ClusterChanged, Committed, ErrorMessage, Fetched, Gap, GroupResult, MessageBody,
    ProduceWaiting, Produced, RecordsWaiting, RegistryChanged, RequestId, ResumeCommitsResult, Revoked, ServerMessage,
    Subscribed, TopicResult, Unsubscribed, WatchTrouble, Watching, Welcome,
};
use serde::Deserialize;

/// The fields that say to whom a message is addressed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Header {
    #[serde(rename = "type")]
    pub name: String,
    #[serde(default)]
    pub id: Option<RequestId>,
    /// The number of a live view.
    #[serde(default)]
    pub watch: Option<u32>,
    /// The number of a search.
    #[serde(default)]
    pub search: Option<u32>,
    /// The lists of this message continue in the next one of the same request or view.
    #[serde(default)]
    pub more: bool,
}

impl Header {
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        protocol::from_json(text)
    }
}

/// Parses the message of a frame with the name `name`. `None` for a message that the app state does not use, such as one of a newer bridge.
pub fn parse(name: &str, text: &str) -> Result<Option<ServerMessage>, serde_json::Error> {
    let message = match name {
        Welcome::NAME => read::<Welcome>(text)?,
        ErrorMessage::NAME => read::<ErrorMessage>(text)?,
        ClusterChanged::NAME => read::<ClusterChanged>(text)?,
        RegistryChanged::NAME => read::<RegistryChanged>(text)?,
        Produced::NAME => read::<Produced>(text)?,
        ProduceWaiting::NAME => read::<ProduceWaiting>(text)?,
        Subscribed::NAME => read::<Subscribed>(text)?,
        Assigned::NAME => read::<Assigned>(text)?,
        Revoked::NAME => read::<Revoked>(text)?,
        Committed::NAME => read::<Committed>(text)?,
        Gap::NAME => read::<Gap>(text)?,
        RecordsWaiting::NAME => read::<RecordsWaiting>(text)?,
        ResumeCommitsResult::NAME => read::<ResumeCommitsResult>(text)?,
        Unsubscribed::NAME => read::<Unsubscribed>(text)?,
        Fetched::NAME => read::<Fetched>(text)?,
        TopicResult::NAME => read::<TopicResult>(text)?,
        GroupResult::NAME => read::<GroupResult>(text)?,
        Watching::NAME => read::<Watching>(text)?,
        WatchTrouble::NAME => read::<WatchTrouble>(text)?,
        AddSchemaResult::NAME => read::<AddSchemaResult>(text)?,
        _ => return Ok(None),
    };
    Ok(Some(message))
}

fn read<M: MessageBody + Into<ServerMessage>>(text: &str) -> Result<ServerMessage, serde_json::Error> {
    protocol::from_json::<M>(text).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_parsed_as_the_protocol_crate_does() {
        let messages = [
            r#"{"type":"subscribed","id":7,"subscription":3}"#,
            r#"{"type":"committed","subscription":1,"positions":[{"topic":"t","partition":0,"offset":"9"}]}"#,
            r#"{"type":"error","code":501,"name":"topic_missing","message":"…","retriable":true}"#,
        ];
        for text in messages {
            let expected = ServerMessage::parse(text).expect("a message of the protocol");
            let header = Header::parse(text).expect("a header");
            assert_eq!(header.id, expected.id, "{text}");
            assert_eq!(parse(&header.name, text).expect("the same"), Some(expected.message), "{text}");
        }
    }
}
