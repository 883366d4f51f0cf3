"""The tables of the simulated WeChat. Times are epoch seconds on the sandbox's clock unless a name says otherwise."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS wx_account (
    appid TEXT PRIMARY KEY, secret TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, verified INTEGER NOT NULL,
    original_id TEXT NOT NULL, biz TEXT NOT NULL, intro TEXT NOT NULL,
    callback_url TEXT, callback_token TEXT, encoding_aes_key TEXT,
    ip_list TEXT, settings TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE IF NOT EXISTS wx_follower (
    openid TEXT PRIMARY KEY, appid TEXT NOT NULL, identity TEXT NOT NULL, name TEXT NOT NULL, persona TEXT NOT NULL,
    subscribed_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS wx_token (
    token TEXT PRIMARY KEY, appid TEXT NOT NULL, family TEXT NOT NULL, issued_at REAL NOT NULL,
    expires_at REAL NOT NULL, superseded_at REAL, dead INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS wx_quota (
    appid TEXT NOT NULL, path TEXT NOT NULL, period TEXT NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (appid, path, period)
);
CREATE TABLE IF NOT EXISTS wx_limit (
    appid TEXT NOT NULL, path TEXT NOT NULL, daily INTEGER, minute INTEGER, PRIMARY KEY (appid, path)
);
CREATE TABLE IF NOT EXISTS wx_call (
    appid TEXT NOT NULL, path TEXT NOT NULL, errcode INTEGER NOT NULL, calls INTEGER NOT NULL,
    PRIMARY KEY (appid, path, errcode)
);
CREATE TABLE IF NOT EXISTS wx_menu (appid TEXT PRIMARY KEY, body TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS wx_conditional_menu (
    id INTEGER PRIMARY KEY AUTOINCREMENT, appid TEXT NOT NULL, matchrule TEXT NOT NULL, body TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS wx_console_menu (appid TEXT PRIMARY KEY, body TEXT, is_open INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS wx_phone (openid TEXT PRIMARY KEY, platform TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wx_tag (
    appid TEXT NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (appid, id)
);
CREATE TABLE IF NOT EXISTS wx_tagged (
    appid TEXT NOT NULL, openid TEXT NOT NULL, tag_id INTEGER NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (appid, openid, tag_id)
);
CREATE TABLE IF NOT EXISTS wx_image (
    key TEXT PRIMARY KEY, appid TEXT NOT NULL, url TEXT NOT NULL, content_type TEXT NOT NULL, sha256 TEXT NOT NULL,
    bytes BLOB NOT NULL, created_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS wx_material (
    media_id TEXT PRIMARY KEY, appid TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL, url TEXT NOT NULL,
    content_type TEXT NOT NULL, sha256 TEXT NOT NULL, bytes BLOB NOT NULL, description TEXT, created_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS wx_draft (
    media_id TEXT PRIMARY KEY, appid TEXT NOT NULL, articles TEXT NOT NULL, created_at REAL NOT NULL,
    updated_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS wx_publish (
    publish_id INTEGER PRIMARY KEY AUTOINCREMENT, appid TEXT NOT NULL, draft_media_id TEXT NOT NULL,
    articles TEXT NOT NULL, article_id TEXT NOT NULL UNIQUE, submitted_at REAL NOT NULL, due_at REAL NOT NULL,
    outcome INTEGER NOT NULL, status INTEGER NOT NULL DEFAULT 1, published_at REAL, updated_at REAL,
    deleted TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE IF NOT EXISTS wx_read (
    data_id INTEGER NOT NULL, idx INTEGER NOT NULL, day TEXT NOT NULL, openid TEXT NOT NULL,
    PRIMARY KEY (data_id, idx, day, openid)
);
CREATE TABLE IF NOT EXISTS wx_template (
    appid TEXT NOT NULL, template_id TEXT NOT NULL, title TEXT NOT NULL, content TEXT NOT NULL, example TEXT NOT NULL,
    enums TEXT NOT NULL DEFAULT '{}', kind TEXT NOT NULL DEFAULT 'template', PRIMARY KEY (appid, template_id)
);
CREATE TABLE IF NOT EXISTS wx_agreement (
    openid TEXT NOT NULL, template_id TEXT NOT NULL, left_over INTEGER NOT NULL, long_term INTEGER NOT NULL,
    PRIMARY KEY (openid, template_id)
);
CREATE TABLE IF NOT EXISTS wx_window (
    id INTEGER PRIMARY KEY AUTOINCREMENT, openid TEXT NOT NULL, kind TEXT NOT NULL, until REAL NOT NULL,
    left_over INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS wx_custom (
    id INTEGER PRIMARY KEY AUTOINCREMENT, appid TEXT NOT NULL, openid TEXT NOT NULL, msgtype TEXT NOT NULL,
    body TEXT NOT NULL, sent_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS wx_message (
    msgid INTEGER PRIMARY KEY AUTOINCREMENT, appid TEXT NOT NULL, openid TEXT NOT NULL, template_id TEXT NOT NULL,
    data TEXT NOT NULL, url TEXT NOT NULL, client_msg_id TEXT, sent_at REAL NOT NULL, status TEXT NOT NULL,
    delivered INTEGER NOT NULL, digest TEXT NOT NULL, repeats INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS wx_message_openid ON wx_message (openid, client_msg_id);
CREATE TABLE IF NOT EXISTS wx_mass (
    msg_id INTEGER PRIMARY KEY AUTOINCREMENT, appid TEXT NOT NULL, path TEXT NOT NULL, msgtype TEXT NOT NULL,
    articles TEXT NOT NULL, audience TEXT NOT NULL, openids TEXT NOT NULL, ignore_reprint INTEGER NOT NULL,
    key TEXT NOT NULL, sent_at REAL NOT NULL, due_at REAL NOT NULL, outcome TEXT NOT NULL, confirm_until REAL,
    finished_at REAL, deleted TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE IF NOT EXISTS wx_mass_received (
    msg_id INTEGER NOT NULL, openid TEXT NOT NULL, PRIMARY KEY (msg_id, openid)
);
CREATE TABLE IF NOT EXISTS wx_mass_preview (
    id INTEGER PRIMARY KEY AUTOINCREMENT, appid TEXT NOT NULL, openid TEXT NOT NULL, articles TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS wx_event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, appid TEXT NOT NULL, openid TEXT NOT NULL, event TEXT NOT NULL,
    xml TEXT NOT NULL, created_at REAL NOT NULL, due_real_s REAL NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS wx_event_state ON wx_event (state, due_real_s);
"""
