//! The messages that this page reads. `ServerMessage::parse` knows every message of the protocol; the code that reads those
//! which no part of the page waits for would be a tenth of what the browser has to load.

use protocol::{
    Assigned, ClusterChanged, Committed, ErrorMessage, Fetched, Frame, Gap, Produced, RequestId, Revoked,
    ServerMessage, Subscribed, TopicResult, Unsubscribed, Welcome,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    name: String,
    #[serde(default)]
    id: Option<RequestId>,
}

/// Nothing for a message that this page has no use for: a newer bridge may say more than it knows.
pub fn parse(text: &str) -> Result<Option<Frame<ServerMessage>>, serde_json::Error> {
    let Envelope { name, id } = serde_json::from_str(text)?;
    let message = match name.as_str() {
        "welcome" => read::<Welcome>(text)?,
        "error" => read::<ErrorMessage>(text)?,
        "cluster_changed" => read::<ClusterChanged>(text)?,
        "produced" => read::<Produced>(text)?,
        "subscribed" => read::<Subscribed>(text)?,
        "assigned" => read::<Assigned>(text)?,
        "revoked" => read::<Revoked>(text)?,
        "committed" => read::<Committed>(text)?,
        "gap" => read::<Gap>(text)?,
        "unsubscribed" => read::<Unsubscribed>(text)?,
        "fetched" => read::<Fetched>(text)?,
        "topic_result" => read::<TopicResult>(text)?,
        _ => return Ok(None),
    };
    Ok(Some(Frame { id, message }))
}

fn read<'a, M: Deserialize<'a> + Into<ServerMessage>>(text: &'a str) -> Result<ServerMessage, serde_json::Error> {
    serde_json::from_str::<M>(text).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_the_protocol_says() {
        let messages = [
            r#"{"type":"subscribed","id":7,"subscription":3}"#,
            r#"{"type":"committed","subscription":1,"positions":[{"topic":"t","partition":0,"offset":"9"}]}"#,
            r#"{"type":"error","code":501,"name":"topic_missing","message":"…","retriable":true}"#,
        ];
        for text in messages {
            let expected = ServerMessage::parse(text).expect("a message of the protocol");
            assert_eq!(parse(text).expect("the same"), Some(expected), "{text}");
        }
    }
}
