//! The user's name and roles, from what the provider says about the user.

use access::Principal;
use protocol::is_printable;
use serde_json::{Map, Value};

pub type Claims = Map<String, Value>;

/// Longer names are refused, as those in the configuration are.
const MAX_NAME_CHARS: usize = 200;

/// Rules name a few roles; directories may list hundreds of groups.
const MAX_ROLES: usize = 500;
const MAX_ROLE_CHARS: usize = 200;

/// As a name it needs [`EMAIL_VERIFIED`].
const EMAIL: &str = "email";
const EMAIL_VERIFIED: &str = "email_verified";

/// Which claims have the name and the roles.
#[derive(Clone, Debug)]
pub struct ClaimNames {
    pub name: String,
    /// `None`: users have no roles.
    pub roles: Option<String>,
}

impl ClaimNames {
    /// Whether the ID token has everything, so that the provider need not be asked for more.
    pub fn are_in(&self, claims: &Claims) -> bool {
        let is_name_complete = self.name != EMAIL || find(claims, EMAIL_VERIFIED).is_some();
        find(claims, &self.name).is_some()
            && is_name_complete
            && self.roles.as_ref().is_none_or(|roles| find(claims, roles).is_some())
    }

    /// The user. What the ID token lacks is taken from `more`, the answer of the userinfo endpoint.
    ///
    /// # Errors
    /// What is missing or not usable, in words.
    pub fn user(&self, id_token: &Claims, more: &Claims) -> Result<Principal, String> {
        let source = [id_token, more].into_iter().find(|claims| find(claims, &self.name).is_some());
        let source = source.ok_or_else(|| format!("there is no claim “{}”", self.name))?;
        let name = name(&self.name, source)?;
        if self.name == EMAIL {
            check_verified(name, id_token, more)?;
        }
        let roles = match &self.roles {
            Some(claim) => find(id_token, claim).or_else(|| find(more, claim)).map(|roles| parse_roles(claim, roles)),
            None => None,
        };
        Ok(Principal::signed_in(name, roles.transpose()?.unwrap_or_default()))
    }
}

/// The value of a claim: the one with this whole name (names may be addresses, with dots in them), else the one at this path
/// of nested objects, such as `realm_access.roles`. Null is like a missing claim.
fn find<'c>(claims: &'c Claims, claim: &str) -> Option<&'c Value> {
    let nested = || {
        let mut names = claim.split('.');
        let first = claims.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    };
    claims.get(claim).or_else(nested).filter(|value| !value.is_null())
}

fn name<'c>(claim: &str, claims: &'c Claims) -> Result<&'c str, String> {
    let name = find(claims, claim).and_then(Value::as_str);
    let name = name.ok_or_else(|| format!("the claim “{claim}” is not a text"))?;
    let is_usable = !name.trim().is_empty() && name.chars().count() <= MAX_NAME_CHARS && name.chars().all(is_printable);
    is_usable
        .then_some(name)
        .ok_or_else(|| format!("the claim “{claim}” is not a name of 1 to {MAX_NAME_CHARS} printable characters"))
}

/// With an address that the provider has not checked, a user could take another user's name. Some providers leave `email_verified` out and
/// let administrators or users change the address, so a missing claim is like false.
fn check_verified(email: &str, id_token: &Claims, more: &Claims) -> Result<(), String> {
    // What a source says about another address does not matter.
    let of_email = |claims: &&Claims| find(claims, EMAIL).is_none_or(|other| other.as_str() == Some(email));
    let sources = [id_token, more].into_iter().filter(of_email);
    let mut said = sources.filter_map(|claims| find(claims, EMAIL_VERIFIED)).peekable();
    if said.peek().is_none() {
        return Err("the provider does not say whether it has verified your e-mail address (email_verified)".to_owned());
    }
    match said.all(is_true) {
        true => Ok(()),
        false => Err("the provider has not verified your e-mail address".to_owned()),
    }
}

/// Some providers write booleans as texts.
fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true")))
}

fn parse_roles(claim: &str, roles: &Value) -> Result<Vec<String>, String> {
    let wrong = || format!("the claim “{claim}” is neither a text nor a list of texts");
    let roles = match roles {
        Value::String(one) => vec![one.clone()],
        Value::Array(several) => {
            let texts = several.iter().map(|role| role.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().ok_or_else(wrong)?
        }
        _ => return Err(wrong()),
    };
    if roles.len() > MAX_ROLES {
        return Err(format!("the claim “{claim}” has {} roles, more than {MAX_ROLES}", roles.len()));
    }
    match roles.iter().any(|role| role.chars().count() > MAX_ROLE_CHARS) {
        true => Err(format!("the claim “{claim}” has a role with more than {MAX_ROLE_CHARS} characters")),
        false => Ok(roles),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        value.as_object().expect("claims are an object").clone()
    }

    fn user(name: &str, roles: &str, id_token: Value, more: Value) -> Result<Principal, String> {
        let names = ClaimNames { name: name.to_owned(), roles: Some(roles.to_owned()) };
        names.user(&claims(id_token), &claims(more))
    }

    fn roles(roles: &[&str]) -> Vec<String> {
        roles.iter().map(|role| (*role).to_owned()).collect()
    }

    #[test]
    fn name_and_roles_come_from_the_id_token_and_else_from_userinfo() {
        let ann = |expected: &[&str]| Ok(Principal::signed_in("ann", roles(expected)));
        let (token, more) = (json!({"name": "ann", "groups": ["a", "b"]}), json!({"name": "bob", "groups": ["c"]}));
        assert_eq!(user("name", "groups", token, more.clone()), ann(&["a", "b"]));
        assert_eq!(user("name", "groups", json!({"name": "ann", "groups": null}), more), ann(&["c"]));
        assert_eq!(user("name", "groups", json!({}), json!({"name": "ann"})), ann(&[]));
        assert_eq!(user("name", "groups", json!({"name": "ann", "groups": "a b"}), json!({})), ann(&["a b"]));
    }

    #[test]
    fn claim_may_be_nested_or_have_dots_in_its_name() {
        let nested = json!({"name": "ann", "realm_access": {"roles": ["a"]}});
        assert_eq!(
            user("name", "realm_access.roles", nested, json!({})),
            Ok(Principal::signed_in("ann", roles(&["a"])))
        );
        let address = json!({"name": "ann", "https://ponte.example/roles": ["a"]});
        let found = user("name", "https://ponte.example/roles", address, json!({}));
        assert_eq!(found, Ok(Principal::signed_in("ann", roles(&["a"]))));
        let names = ClaimNames { name: "a.b".to_owned(), roles: None };
        assert!(names.are_in(&claims(json!({"a": {"b": "x"}}))) && !names.are_in(&claims(json!({"a": "b"}))));
    }

    #[test]
    fn unusable_names_are_refused() {
        let (longest, too_long) = ("é".repeat(200), "é".repeat(201));
        assert!(user("name", "r", json!({ "name": longest }), json!({})).is_ok());
        for value in [
            json!(""),
            json!(" "),
            json!(7),
            json!(["ann"]),
            json!({}),
            json!("a\nb"),
            json!("a\u{202e}b"),
            json!(too_long),
        ] {
            let refused = user("name", "r", json!({"name": value}), json!({"name": "ann"}));
            assert!(refused.is_err_and(|reason| reason.contains("“name”")), "{value}");
        }
        assert_eq!(user("name", "r", json!({}), json!({})), Err("there is no claim “name”".to_owned()));
    }

    #[test]
    fn unverified_email_address_is_no_name() {
        for (verified, is_accepted) in [
            (json!(true), true),
            (json!(null), false),
            (json!(1), false),
            (json!(false), false),
            (json!("false"), false),
            (json!("true"), true),
        ] {
            let token = json!({"email": "ann@example.com", "email_verified": verified});
            assert_eq!(user("email", "r", token.clone(), json!({})).is_ok(), is_accepted, "{verified}");
            assert_eq!(user("email", "r", json!({}), token).is_ok(), is_accepted, "{verified}");
        }
        let names = ClaimNames { name: "email".to_owned(), roles: None };
        let with = |verified: Value| json!({"email": "a@example.com", "email_verified": verified});
        let without = json!({"email": "a@example.com"});
        assert!(!names.are_in(&claims(without.clone())) && names.are_in(&claims(with(json!(true)))));
        for (verified, is_accepted) in [(json!(true), true), (json!(false), false)] {
            let (alone, with) = (json!({"email_verified": verified.clone()}), with(verified.clone()));
            assert_eq!(user("email", "r", without.clone(), with.clone()).is_ok(), is_accepted, "{verified}");
            assert_eq!(user("email", "r", without.clone(), alone.clone()).is_ok(), is_accepted, "{verified}");
            assert_eq!(user("email", "r", alone, without.clone()).is_ok(), is_accepted, "{verified}");
            assert!(user("email", "r", json!({"email": "b@example.com"}), with).is_err(), "another address");
        }
        for (one, other) in [(true, false), (false, true)] {
            assert!(user("email", "r", with(json!(one)), with(json!(other))).is_err(), "one of both says false");
        }
    }

    #[test]
    fn other_name_claims_need_no_verified_email_address() {
        let token = json!({"sub": "ann", "email": "ann@example.com", "email_verified": false});
        assert!(user("sub", "r", token, json!({})).is_ok());
    }

    #[test]
    fn unusable_roles_are_refused() {
        let many = |count: usize| json!({"name": "ann", "r": vec!["x".repeat(200); count]});
        assert!(user("name", "r", many(500), json!({})).is_ok());
        assert!(user("name", "r", many(501), json!({})).is_err());
        for value in [json!(7), json!({"a": true}), json!(["a", 7]), json!(["x".repeat(201)])] {
            assert!(user("name", "r", json!({"name": "ann", "r": value}), json!({})).is_err(), "{value}");
        }
    }
}
