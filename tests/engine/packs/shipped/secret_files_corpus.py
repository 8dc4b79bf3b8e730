"""Files as they are committed, with the lines that hold a credential.

A line that holds one ends its label in the set: `lines` are 1-based. The credentials are made up here, and
put together so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

_CHANCE = random.Random(20)
_MIXED = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ234567"
_HEX = "0123456789abcdef"


def made(length: int, letters: str = _MIXED) -> str:
    """A token of that length."""
    return "".join(_CHANCE.choices(letters, k=length))


@dataclass(frozen=True, slots=True)
class LabeledFile:
    """A file, and the lines where a credential stands."""

    path: str
    text: str
    lines: tuple[int, ...] = ()
    encoding: str = "utf-8"


def _of(path: str, *lines: str, encoding: str = "utf-8") -> LabeledFile:
    """Lines that begin with `!` hold a credential."""
    marked = tuple(number for number, line in enumerate(lines, start=1) if line.startswith("!"))
    text = "".join(line.removeprefix("!") + "\n" for line in lines)
    return LabeledFile(path, text, marked, encoding)


FILES = (
    _of(".env", "# settings", "!DB_PASSWORD=Tr0ub4dor-x", "!export API_KEY=abcdef123456", "DEBUG=true",
        "DB_PASSWORD_FILE=/run/secrets/db", "TOKEN=${TOKEN}", "SECRET_KEY=", "!SMTP_PASS=letmein77",
        "PORT=5432", "MAX_TOKENS=4096", "!JWT_SECRET='s0me-long-secret'"),
    _of("prod.env", *(f"!SVC{number}_PASSWORD={made(12)}" for number in range(30))),
    _of("application.properties", "spring.datasource.url=jdbc:postgresql://db/x",
        "!spring.datasource.password=Winter2024!", "spring.datasource.username=app",
        "!encryption.key = " + made(32), "password.min.length=12", "app.token.enabled=true",
        "mail.password=${MAIL_PASSWORD}"),
    _of("config/database.yml", "production:", "  adapter: postgresql", "!  password: 9fK-summer-77",
        "  username: app", "  password_digest: bcrypt", "staging:", "  password: <%= ENV['DB_PASSWORD'] %>"),
    _of("docker-compose.yml", "services:", "  db:", "    image: postgres:16@sha256:" + made(64, _HEX),
        "    environment:", "!      POSTGRES_PASSWORD: s3kret-Pa55",
        "!      - MYSQL_ROOT_PASSWORD=topsecret99",
        "      - MYSQL_PASSWORD=${MYSQL_PASSWORD}", "    secrets:", "      - db_password"),
    _of("k8s/secret.yaml", "apiVersion: v1", "kind: Secret", "metadata:", "  name: my-tls-secret", "data:",
        "!  password: c3VwZXJzZWNyZXQ5OQ==", "  tls.crt: LS0t", "spec:", "  secretName: my-tls-secret",
        "  secretKeyRef:", "    name: api-token"),
    _of(".netrc", "!machine a.example login me password Zx81Spectrum", "machine b.example login me"),
    _of(".pgpass", "!db.example:5432:app:ana:kN9-pgpass-1", "# host:port:db:user:password"),
    _of(".npmrc", "registry=https://registry.example/", "!//registry.example/:_authToken=" + made(36),
        "//registry.example/:_authToken=${NPM_TOKEN}"),
    _of(".pypirc", "[pypi]", "username = __token__", "!password = pypi-AgE" + made(60)),
    _of("web.config", '<add name="x" connectionString="Server=db;User Id=app;Password=',
        '!<add key="ApiPassword" value="Q7-winter-x" />', "!<password>Jul1-Aug2-Sep3</password>",
        '<add key="PasswordPolicy" value="strict" />',
        '!<add cs="Server=db;User Id=app;Password=Gr33n-Tea9;Encrypt=true" />'),
    _of("src/settings.py", "import os", "PASSWORD = os.environ['PASSWORD']", "!db_password = 'hunter2hunter'",
        'password = getpass("Password: ")', 'TOKEN_URL = "https://example.org/oauth/token"',
        '!API_KEY = "' + made(40) + '"', "password: str = ''", 'label = {"password": "Passwort"}',
        "def check(password: str, token: str) -> bool:", '    return token == "invalid_token"',
        '!AWS = "AKIA' + made(16, _UPPER) + '"', 'secret_name = "prod/db/main"',
        '    "token_type": "bearer",', '!conn = "postgres://bob:pa55word-9@db.internal/x"',
        'url = f"postgres://{user}:{password}@{host}/x"', 'PRIVATE = "-----BEGIN RSA PRIVATE KEY-----"',
        "!CLIENT_SECRET: str = '" + made(24) + "'", "tokens = tokenizer.encode(text)",
        'parser.add_argument("--password", help="the password of the user")'),
    _of("src/app.js", "const a = process.env.API_KEY;", "!const apiKey = '" + made(32) + "';",
        "!const hook = 'https://hooks.slack.com/services/T" + made(8, _UPPER) + "/B" + made(8, _UPPER)
            + "/" + made(24) + "';",
        "const token = await getToken();", "headers: { Authorization: `Bearer ${token}` },",
        "!headers: { Authorization: 'Bearer " + made(40) + "' },", "const passwordField = 'password-input';",
        "!stripe('sk_live_" + made(24) + "');", "import { tokenize } from './lexer';",
        "export const ACCESS_TOKEN = 'access_token';"),
    _of("dist/bundle.js", "!" + "var a=1;" * 600 + "var t='ghp_" + made(36) + "';" + "var b=2;" * 600),
    _of("Main.java", '!String password = "Sommer-2024-x";', "String password = config.get(\"db.password\");",
        "private static final String PASSWORD_KEY = \"password\";"),
    _of("main.go", "!token := \"glpat-" + made(20) + "\"", "token := os.Getenv(\"TOKEN\")",
        'h := "h1:' + made(43) + '="'),
    _of("deploy.sh", "!curl -u admin:Pa55-w0rd https://example.org",
        "curl -u \"$USER:$PASS\" https://example.org",
        "!mysql -u root -pS3cretRoot1 app", "!sshpass -p 'Sh0rt-pass' ssh host", "mysql -u root -p app",
        "!git clone https://oauth2:" + made(20) + "@git.example.org/x.git", "PASSWORD=$(pass show db)",
        "!curl -H 'X-Api-Key: " + made(32) + "' https://example.org"),
    _of("terraform.tfvars", 'region = "eu"', '!db_password = "Autumn-leaf-7"',
        'db_password = var.db_password'),
    _of("Dockerfile", "FROM python:3.12", "!ENV SECRET_TOKEN=" + made(24), "ARG PASSWORD",
        "RUN --mount=type=secret,id=token cat /run/secrets/token"),
    _of("id_rsa", "!-----BEGIN OPENSSH PRIVATE KEY-----", made(64), made(64), made(30) + "==",
        "-----END OPENSSH PRIVATE KEY-----"),
    _of("check.py", "import re", 'KEY = re.compile("-----BEGIN RSA PRIVATE KEY-----")', "",
        '!DB_PASSWORD = "Tr0ub4dorAnd3x"'),
    _of("deploy.env", "!DB_PASSWORD=Tr0ub4dorAnd3x", encoding="utf-16"),
    _of("old.ini", "; caf\u00e9", "!password=K\u00e4se-und-Brot7", encoding="latin-1"),
    _of("allowed.py", "!password = 'Zug-nach-Bern-9'  # gitleaks:allow",
        "!password = 'Zug-nach-Genf-9'  # nosec  pragma: allowlist secret kingfisher:ignore"),
    _of("package-lock.json", "{", *(f'"integrity": "sha512-{made(86)}==",' for _ in range(20)),
        '!"token": "npm_' + made(36) + '"', "}"),
    _of("pnpm-lock.yaml", *(f"    resolution: {{integrity: sha512-{made(86)}==}}" for _ in range(20)),
        '!registry_token: "real-token-9f8e7d"'),
    _of("go.sum", *(f"example.org/x v1.0.{n} h1:{made(43)}=" for n in range(10))),
    _of("Cargo.lock", *(f'checksum = "{made(64, _HEX)}"' for _ in range(10))),
    _of("README.md", "Set `DB_PASSWORD` to your password.", "password: required",
        "Use `--token <your-token>`.",
        "The token is read from the environment.", "    export API_TOKEN=your_token_here",
        "!    export API_TOKEN=" + made(32), "user:password@host is how it looks"),
    _of("locales/de.json", '{"password": "Passwort",', '"secret": "Geheimnis der Woche",',
        '"token": "Zeichen"}'),
    _of("index.html", '<input type="password" name="password" placeholder="Password">',
        '<script src="x.js" integrity="sha384-' + made(64) + '"></script>',
        '<img src="data:image/png;base64,' + made(200) + '">'),
    _of("schema.sql", "password VARCHAR(255) NOT NULL,",
        "!INSERT INTO users VALUES ('a', '$2b$12$" + made(53) + "');",
        "-- token: the session's token"),
    _of("openapi.yaml", "securitySchemes:", "  token:", "    type: apiKey", "    in: header",
        "    name: X-Api-Token", "  password:", "    type: string", "    format: password"),
    _of("ci.yml", "env:", "  TOKEN: ${{ secrets.TOKEN }}", "  SHA: " + made(40, _HEX),
        "!  SLACK: xoxb-" + made(12, "0123456789") + "-" + made(24)),
    _of("known_hosts", "host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5" + made(48)),
    _of("tests/test_login.py", "!password = 'hunter2hunter2'", "assert login(user, password)"),
    _of("notes.txt", "The key is under the mat.", "pass: the mountain pass is closed", "Password: ask Ana"),
)  # fmt: skip
