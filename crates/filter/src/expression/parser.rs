//! Parses CEL, resolves its names, and checks what can be checked without a record.

use super::lexer::{self, Token, TokenKind};
use super::literal;
use super::node::{Arithmetic, Function, Kind, Macro, MacroNode, Node, Order, Tables, Variable};
use super::suggestion::suggestion;
use super::time::{read_duration, read_timestamp};
use super::value::Type;
use crate::pattern::Pattern;

/// How deep brackets, conditions and macros may be nested, which bounds the recursion of the parser.
const MAX_NESTING: usize = 32;
/// The levels of nodes, which bounds the recursion of the evaluation. Chains of `&&` and `||` are one level.
pub(super) const MAX_DEPTH: u16 = 64;

/// What is wrong, and at which byte.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl Failure {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

/// Words that CEL reserves for other languages.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Compiles an expression with a bool as its result.
pub(crate) fn parse(source: &str, tables: &mut Tables) -> Result<Node, Failure> {
    let tokens = lexer::tokens(source)?;
    let mut parser = Parser { source, tokens, next: 0, nesting: 0, locals: Vec::new(), tables };
    if parser.peek().kind == TokenKind::End {
        return Err(Failure::new(0, "the expression is empty; expected a condition such as value.id == 4711"));
    }
    let node = parser.expression()?;
    let token = parser.peek();
    if token.kind != TokenKind::End {
        return Err(parser.unexpected("an operator or the end of the expression"));
    }
    parser.expect_bool(&node, "the result of the expression must be a bool")?;
    Ok(node)
}

struct Parser<'s, 'c> {
    source: &'s str,
    tokens: Vec<Token>,
    next: usize,
    nesting: usize,
    /// The variables of the open macros.
    locals: Vec<String>,
    tables: &'c mut Tables,
}

impl<'s> Parser<'s, '_> {
    fn peek(&self) -> Token {
        // The last token is the end, and never taken.
        self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn text(&self, token: Token) -> &'s str {
        &self.source[token.start..token.end]
    }

    /// Takes the next token if it is this symbol.
    fn take(&mut self, symbol: &str) -> Option<Token> {
        let token = self.peek();
        (token.kind == TokenKind::Symbol(symbol_of(symbol)?)).then(|| {
            self.next += 1;
            token
        })
    }

    fn expect(&mut self, symbol: &str, purpose: &str) -> Result<Token, Failure> {
        self.take(symbol).ok_or_else(|| self.unexpected(&format!("`{symbol}` {purpose}")))
    }

    fn unexpected(&self, expected: &str) -> Failure {
        let token = self.peek();
        let found = match token.kind {
            TokenKind::End => "the expression ends here".to_owned(),
            _ => format!("unexpected `{}`", self.text(token)),
        };
        Failure::new(token.start, format!("{found}; expected {expected}"))
    }

    fn node(&self, at: usize, kind: Kind, depth: u16) -> Result<Node, Failure> {
        if depth > MAX_DEPTH {
            return Err(Failure::new(
                at,
                format!("the expression has more than {MAX_DEPTH} levels; split it or use && and ||"),
            ));
        }
        // Expressions have at most 4 KiB.
        Ok(Node { at: u32::try_from(at).unwrap_or(u32::MAX), depth, kind })
    }

    fn pair(&self, at: usize, left: Node, right: Node, kind: impl Fn(Box<[Node; 2]>) -> Kind) -> Result<Node, Failure> {
        let depth = Node::depth_above([&left, &right]);
        self.node(at, kind(Box::new([left, right])), depth)
    }

    fn expect_bool(&self, node: &Node, rule: &str) -> Result<(), Failure> {
        match node.kind.result() {
            Some(kind) if kind != Type::Bool => {
                Err(Failure::new(node.at as usize, format!("{rule}, and this is {}", kind.name())))
            }
            _ => Ok(()),
        }
    }

    fn expression(&mut self) -> Result<Node, Failure> {
        if self.nesting == MAX_NESTING {
            return Err(Failure::new(
                self.peek().start,
                format!("the expression is nested more than {MAX_NESTING} levels deep"),
            ));
        }
        self.nesting += 1;
        let condition = self.any_of()?;
        let node = match self.take("?") {
            None => condition,
            Some(mark) => {
                self.expect_bool(&condition, "the condition before `?` must be a bool")?;
                let yes = self.any_of()?;
                self.expect(":", "between the two results of `?`")?;
                let no = self.expression()?;
                let depth = Node::depth_above([&condition, &yes, &no]);
                self.node(mark.start, Kind::Conditional(Box::new([condition, yes, no])), depth)?
            }
        };
        self.nesting -= 1;
        Ok(node)
    }

    fn any_of(&mut self) -> Result<Node, Failure> {
        self.chain("||", Self::all_of, Kind::Or)
    }

    fn all_of(&mut self) -> Result<Node, Failure> {
        self.chain("&&", Self::relation, Kind::And)
    }

    fn chain(
        &mut self,
        operator: &str,
        part: impl Fn(&mut Self) -> Result<Node, Failure>,
        kind: impl Fn(Vec<Node>) -> Kind,
    ) -> Result<Node, Failure> {
        let first = part(self)?;
        let Some(mark) = self.take(operator) else { return Ok(first) };
        let mut parts = vec![first, part(self)?];
        while self.take(operator).is_some() {
            parts.push(part(self)?);
        }
        for part in &parts {
            self.expect_bool(part, &format!("`{operator}` connects bools"))?;
        }
        let depth = Node::depth_above(&parts);
        self.node(mark.start, kind(parts), depth)
    }

    fn relation(&mut self) -> Result<Node, Failure> {
        let mut left = self.sum()?;
        loop {
            let token = self.peek();
            let operator = self.text(token);
            let is_in = token.kind == TokenKind::Name && operator == "in";
            if !is_in && !matches!(token.kind, TokenKind::Symbol("==" | "!=" | "<" | "<=" | ">" | ">=")) {
                return Ok(left);
            }
            self.next += 1;
            let right = self.sum()?;
            let at = token.start;
            left = match Order::of(operator) {
                _ if is_in => self.membership(at, left, right)?,
                Some(order) => self.pair(at, left, right, |pair| Kind::Order(order, pair))?,
                None if operator == "==" => self.pair(at, left, right, Kind::Equal)?,
                None => self.pair(at, left, right, Kind::NotEqual)?,
            };
        }
    }

    fn membership(&self, at: usize, left: Node, right: Node) -> Result<Node, Failure> {
        match (&left.kind, &right.kind) {
            (Kind::Text(name), Kind::Variable(Variable::Headers)) => {
                let header = self.node(at, Kind::Header(name.clone()), 1)?;
                self.node(at, Kind::Has(Box::new(header)), 2)
            }
            (_, kind) => match kind.result() {
                None | Some(Type::List | Type::Map) => self.pair(at, left, right, Kind::In),
                Some(kind) => Err(Failure::new(
                    right.at as usize,
                    format!("`in` needs a list or a map, and this is {}", kind.name()),
                )),
            },
        }
    }

    fn sum(&mut self) -> Result<Node, Failure> {
        self.arithmetic(&["+", "-"], |parser| parser.arithmetic(&["*", "/", "%"], Self::unary))
    }

    fn arithmetic(
        &mut self,
        operators: &[&str],
        part: impl Fn(&mut Self) -> Result<Node, Failure>,
    ) -> Result<Node, Failure> {
        let mut left = part(self)?;
        while let Some(mark) = operators.iter().find_map(|operator| self.take(operator)) {
            let right = part(self)?;
            let operator = Arithmetic::of(self.text(mark)).unwrap_or(Arithmetic::Add);
            left = self.pair(mark.start, left, right, |pair| Kind::Arithmetic(operator, pair))?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Node, Failure> {
        let mut marks = Vec::new();
        while let Some(mark) = self.take("!").or_else(|| self.take("-")) {
            marks.push(mark);
        }
        // The smallest integer has no positive counterpart.
        let number = self.peek();
        let negative = marks.last().filter(|mark| self.text(**mark) == "-" && mark.end == number.start);
        let negative =
            negative.and_then(|_| literal::negative_int(self.text(number)).filter(|_| number.kind == TokenKind::Int));
        let mut node = match negative {
            Some(int) => {
                self.next += 1;
                marks.pop();
                let node = self.node(number.start - 1, Kind::Int(int), 1)?;
                self.postfix(node)?
            }
            None => {
                let node = self.primary()?;
                self.postfix(node)?
            }
        };
        for mark in marks.into_iter().rev() {
            let depth = Node::depth_above([&node]);
            let kind = if self.text(mark) == "!" {
                self.expect_bool(&node, "`!` needs a bool")?;
                Kind::Not(Box::new(node))
            } else {
                Kind::Negate(Box::new(node))
            };
            node = self.node(mark.start, kind, depth)?;
        }
        Ok(node)
    }

    /// The members, indexes and calls after a value.
    fn postfix(&mut self, mut node: Node) -> Result<Node, Failure> {
        loop {
            if let Some(point) = self.take(".") {
                let name = self.peek();
                if name.kind != TokenKind::Name {
                    return Err(self.unexpected("the name of a field or function after `.`"));
                }
                self.next += 1;
                node = match self.take("(") {
                    Some(_) => self.method(node, name)?,
                    None => self.member(point.start, node, self.text(name))?,
                };
            } else if let Some(bracket) = self.take("[") {
                let index = self.expression()?;
                self.expect("]", "after the index")?;
                node = match index.kind {
                    Kind::Text(name) => self.member(bracket.start, node, &name)?,
                    _ => self.pair(bracket.start, node, index, Kind::Index)?,
                };
            } else {
                return Ok(node);
            }
        }
    }

    fn member(&mut self, at: usize, of: Node, name: &str) -> Result<Node, Failure> {
        match of.kind.result() {
            None | Some(Type::Map) => {}
            Some(kind) => return Err(Failure::new(at, format!("{} has no fields", kind.name()))),
        }
        let (start, depth) = (of.at as usize, of.depth);
        let kind = self.tables.member(of, name);
        let depth = if matches!(kind, Kind::Member(..)) { depth + 1 } else { 1 };
        self.node(start, kind, depth)
    }

    fn primary(&mut self) -> Result<Node, Failure> {
        let token = self.peek();
        let start = token.start;
        let text = self.text(token);
        match token.kind {
            TokenKind::Symbol("(") => {
                self.next += 1;
                let node = self.expression()?;
                self.expect(")", "to close the bracket")?;
                Ok(node)
            }
            TokenKind::Symbol("[") => {
                self.next += 1;
                let elements = self.list("]")?;
                let depth = Node::depth_above(&elements);
                self.node(start, Kind::List(elements), depth)
            }
            TokenKind::Symbol("{") => {
                self.next += 1;
                self.map(start)
            }
            TokenKind::Symbol(".") => Err(Failure::new(start, "names do not start with `.`")),
            TokenKind::Symbol(_) | TokenKind::End => {
                Err(self.unexpected("a value, such as a field, a number or a text in quotation marks"))
            }
            TokenKind::Name => {
                self.next += 1;
                match self.take("(") {
                    Some(_) => self.function(token),
                    None => self.name(token),
                }
            }
            _ => {
                self.next += 1;
                let kind = literal::read(token.kind, text).map_err(|message| Failure::new(start, message))?;
                self.node(start, kind, 1)
            }
        }
    }

    fn name(&self, token: Token) -> Result<Node, Failure> {
        let name = self.text(token);
        let kind = match name {
            "null" => Kind::Null,
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            _ => {
                if let Some(local) = self.locals.iter().rposition(|local| local == name) {
                    Kind::Local(local)
                } else if let Some(variable) = Variable::of(name) {
                    Kind::Variable(variable)
                } else {
                    return Err(self.unknown_name(token));
                }
            }
        };
        self.node(token.start, kind, 1)
    }

    fn unknown_name(&self, token: Token) -> Failure {
        let name = self.text(token);
        if name == "in" {
            return Failure::new(token.start, "`in` needs a value before it, such as \"a\" in value.tags");
        }
        if RESERVED.contains(&name) {
            return Failure::new(token.start, format!("`{name}` is a reserved word of CEL"));
        }
        if self.peek().kind == TokenKind::Symbol("{") {
            return Failure::new(token.start, format!("messages such as `{name}{{…}}` are not supported"));
        }
        let variables = Variable::ALL.iter().map(|variable| variable.name());
        let known: Vec<_> = variables.chain(self.locals.iter().map(String::as_str)).collect();
        let hint = match suggestion(name, known.iter().copied()) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None => format!("use one of {}; fields of the JSON value are value.NAME", known.join(", ")),
        };
        Failure::new(token.start, format!("unknown name `{name}`; {hint}"))
    }

    /// The expressions up to a closing symbol; a comma may come before it.
    fn list(&mut self, close: &str) -> Result<Vec<Node>, Failure> {
        let mut elements = Vec::new();
        loop {
            if self.take(close).is_some() {
                return Ok(elements);
            }
            elements.push(self.expression()?);
            if self.take(",").is_none() {
                self.expect(close, "or `,`")?;
                return Ok(elements);
            }
        }
    }

    fn map(&mut self, start: usize) -> Result<Node, Failure> {
        let mut entries = Vec::new();
        while self.take("}").is_none() {
            let key = self.expression()?;
            self.expect(":", "after the key of a map")?;
            entries.push([key, self.expression()?]);
            if self.take(",").is_none() {
                self.expect("}", "or `,`")?;
                break;
            }
        }
        let depth = Node::depth_above(entries.iter().flatten());
        self.node(start, Kind::Map(entries), depth)
    }

    /// `name(…)`, after the bracket.
    fn function(&mut self, name: Token) -> Result<Node, Failure> {
        let text = self.text(name);
        if text == "has" {
            return self.has(name);
        }
        if text == "matches" {
            let mut arguments = self.list(")")?;
            let (Some(pattern), Some(of), true) = (arguments.pop(), arguments.pop(), arguments.is_empty()) else {
                return Err(Failure::new(name.start, "`matches` needs a text and a regular expression"));
            };
            return self.matches(name, of, &pattern);
        }
        match Function::of(text) {
            Some(function) if function.is_global() => {
                let arguments = self.list(")")?;
                self.call(name, function, arguments)
            }
            Some(_) => Err(Failure::new(name.start, format!("call `{text}` on a text, such as topic.{text}(\"a\")"))),
            None => Err(unknown_function(name.start, text)),
        }
    }

    /// `of.name(…)`, after the bracket.
    fn method(&mut self, of: Node, name: Token) -> Result<Node, Failure> {
        let text = self.text(name);
        let text = if text == "existsOne" { Macro::ExistsOne.name() } else { text };
        if let Some(kind) = Macro::of(text) {
            return self.macro_call(of, name, kind);
        }
        if text == "matches" {
            let arguments = self.list(")")?;
            return match <[Node; 1]>::try_from(arguments) {
                Ok([pattern]) => self.matches(name, of, &pattern),
                Err(_) => Err(Failure::new(name.start, "`matches` needs a regular expression in its brackets")),
            };
        }
        match Function::of(text) {
            Some(function) if function.is_method() => {
                let mut arguments = self.list(")")?;
                arguments.insert(0, of);
                self.call(name, function, arguments)
            }
            Some(_) => Err(Failure::new(name.start, format!("write {text}(…) with the value in the brackets"))),
            None => Err(unknown_function(name.start, text)),
        }
    }

    fn has(&mut self, name: Token) -> Result<Node, Failure> {
        let field = self.expression()?;
        self.expect(")", "to close the bracket")?;
        let is_field = matches!(field.kind, Kind::Field(..) | Kind::Header(_) | Kind::Member(..));
        if !is_field {
            return Err(Failure::new(field.at as usize, "`has` needs a field, such as has(value.id)"));
        }
        let depth = Node::depth_above([&field]);
        self.node(name.start, Kind::Has(Box::new(field)), depth)
    }

    fn matches(&mut self, name: Token, of: Node, pattern: &Node) -> Result<Node, Failure> {
        let at = pattern.at as usize;
        let Kind::Text(text) = &pattern.kind else {
            return Err(Failure::new(at, "the regular expression of `matches` must be a text in quotation marks"));
        };
        let pattern = Pattern::compile(text)
            .map_err(|error| Failure::new(at, format!("invalid regular expression: {}", error.message)))?;
        self.tables.patterns.push(pattern);
        let depth = Node::depth_above([&of]);
        self.node(name.start, Kind::Matches(Box::new(of), self.tables.patterns.len() - 1), depth)
    }

    fn call(&mut self, name: Token, function: Function, arguments: Vec<Node>) -> Result<Node, Failure> {
        let at = name.start;
        if arguments.len() != function.arguments() {
            let form = if function.arguments() == 2 { "one text in its brackets" } else { "one value" };
            return Err(Failure::new(at, format!("`{}` needs {form}", function.name())));
        }
        let constant = match (function, &arguments[0].kind) {
            (Function::Timestamp, Kind::Text(text)) => Some(
                read_timestamp(text)
                    .map(Kind::Timestamp)
                    .ok_or("invalid time; expected a text such as \"2026-01-01T00:00:00Z\""),
            ),
            (Function::Duration, Kind::Text(text)) => Some(
                read_duration(text).map(Kind::Duration).ok_or("invalid duration; expected a text such as \"1h30m\""),
            ),
            _ => None,
        };
        match constant {
            Some(Ok(kind)) => self.node(at, kind, 1),
            Some(Err(message)) => Err(Failure::new(arguments[0].at as usize, message)),
            None => {
                let depth = Node::depth_above(&arguments);
                self.node(at, Kind::Call(function, arguments), depth)
            }
        }
    }

    fn macro_call(&mut self, over: Node, name: Token, kind: Macro) -> Result<Node, Failure> {
        match over.kind.result() {
            None | Some(Type::List | Type::Map) => {}
            Some(found) => {
                let message = format!("`{}` needs a list or a map, and this is {}", kind.name(), found.name());
                return Err(Failure::new(over.at as usize, message));
            }
        }
        let variable = self.peek();
        let is_word = matches!(self.text(variable), "null" | "true" | "false" | "in");
        if variable.kind != TokenKind::Name || is_word {
            return Err(self.unexpected(&format!("the name of a variable, as in {}(x, …)", kind.name())));
        }
        self.next += 1;
        self.expect(",", "after the name of the variable")?;
        self.locals.push(self.text(variable).to_owned());
        let mut arguments = vec![self.expression()?];
        if kind == Macro::Map && self.take(",").is_some() {
            arguments.push(self.expression()?);
        }
        self.locals.pop();
        self.expect(")", "to close the bracket")?;

        let result = (kind == Macro::Map).then(|| arguments.pop()).flatten();
        let condition = arguments.pop();
        if let Some(condition) = &condition {
            self.expect_bool(condition, &format!("the condition of `{}` must be a bool", kind.name()))?;
        }
        let depth = Node::depth_above([&over].into_iter().chain(&condition).chain(&result));
        self.node(name.start, Kind::Macro(kind, Box::new(MacroNode { over, condition, result })), depth)
    }
}

/// The same text with the lifetime of the table.
fn symbol_of(symbol: &str) -> Option<&'static str> {
    lexer::SYMBOLS.iter().copied().find(|known| *known == symbol)
}

fn unknown_function(at: usize, name: &str) -> Failure {
    let functions = Function::ALL.iter().map(|function| function.name());
    let macros = Macro::ALL.iter().map(|kind| kind.name());
    let known: Vec<_> = functions.chain(macros).chain(["has", "matches"]).collect();
    let hint = match suggestion(name, known.iter().copied()) {
        Some(similar) => format!("did you mean `{similar}`?"),
        None => format!("the functions are {}", known.join(", ")),
    };
    Failure::new(at, format!("unknown function `{name}`; {hint}"))
}
