//! Parses the messages that the page uses. `ServerMessage::parse` knows every message of the protocol; the code for the
//! unused ones would be a tenth of the page's download.

use protocol::{
    AddPartitionsResult, AlterTopicConfigResult, Assigned, ClusterChanged, ClusterDetailsChanged, Committed,
    CreateTopicResult, DeleteGroupResult, DeleteTopicResult, EmptyTopicResult, ErrorMessage, Fetched, Frame, Gap,
    GroupChanged, GroupResult, GroupsChanged, GroupsResult, PlanOffsetResetResult, ProduceWaiting, Produced,
    RecordsWaiting, RequestId, ResetOffsetsResult, ResumeCommitsResult, Revoked, ServerMessage, Subscribed,
    TopicChanged, TopicResult, TopicsChanged, TopicsResult, Unsubscribed, WatchTrouble, Watching, Welcome,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    name: String,
    #[serde(default)]
    id: Option<RequestId>,
}

/// `None` for a message that the page does not use, such as one of a newer bridge.
pub fn parse(text: &str) -> Result<Option<Frame<ServerMessage>>, serde_json::Error> {
    let Envelope { name, id } = serde_json::from_str(text)?;
    let message = match name.as_str() {
        "welcome" => read::<Welcome>(text)?,
        "error" => read::<ErrorMessage>(text)?,
        "cluster_changed" => read::<ClusterChanged>(text)?,
        "produced" => read::<Produced>(text)?,
        "produce_waiting" => read::<ProduceWaiting>(text)?,
        "subscribed" => read::<Subscribed>(text)?,
        "assigned" => read::<Assigned>(text)?,
        "revoked" => read::<Revoked>(text)?,
        "committed" => read::<Committed>(text)?,
        "gap" => read::<Gap>(text)?,
        "records_waiting" => read::<RecordsWaiting>(text)?,
        "resume_commits_result" => read::<ResumeCommitsResult>(text)?,
        "unsubscribed" => read::<Unsubscribed>(text)?,
        "fetched" => read::<Fetched>(text)?,
        "topics_result" => read::<TopicsResult>(text)?,
        "topic_result" => read::<TopicResult>(text)?,
        "create_topic_result" => read::<CreateTopicResult>(text)?,
        "delete_topic_result" => read::<DeleteTopicResult>(text)?,
        "alter_topic_config_result" => read::<AlterTopicConfigResult>(text)?,
        "add_partitions_result" => read::<AddPartitionsResult>(text)?,
        "empty_topic_result" => read::<EmptyTopicResult>(text)?,
        "group_result" => read::<GroupResult>(text)?,
        "groups_result" => read::<GroupsResult>(text)?,
        "delete_group_result" => read::<DeleteGroupResult>(text)?,
        "plan_offset_reset_result" => read::<PlanOffsetResetResult>(text)?,
        "reset_offsets_result" => read::<ResetOffsetsResult>(text)?,
        "watching" => read::<Watching>(text)?,
        "cluster_details_changed" => read::<ClusterDetailsChanged>(text)?,
        "topics_changed" => read::<TopicsChanged>(text)?,
        "topic_changed" => read::<TopicChanged>(text)?,
        "groups_changed" => read::<GroupsChanged>(text)?,
        "group_changed" => read::<GroupChanged>(text)?,
        "watch_trouble" => read::<WatchTrouble>(text)?,
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
    fn messages_are_parsed_as_the_protocol_crate_does() {
        let messages = [
            r#"{"type":"subscribed","id":7,"subscription":3}"#,
            r#"{"type":"committed","subscription":1,"positions":[{"topic":"t","partition":0,"offset":"9"}]}"#,
            r#"{"type":"error","code":501,"name":"topic_missing","message":"…","retriable":true}"#,
            r#"{"type":"topics_changed","watch":2,"at":1,"topics":[],"removed":["t"]}"#,
            r#"{"type":"delete_topic_result","id":3,"name":"t"}"#,
        ];
        for text in messages {
            let expected = ServerMessage::parse(text).expect("a message of the protocol");
            assert_eq!(parse(text).expect("the same"), Some(expected), "{text}");
        }
    }
}
