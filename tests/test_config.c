/* SPDX-License-Identifier: MIT */
/* links: config.o config_print.o confcred.o confenv.o dburl.o err.o http_address.o inifile.o options.o optval.o property.o slurp.o */
#include "config.h"
#include "options.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
#define S(literal)   ((char[]){literal}) /* a string that may be changed */
#define NOTHING      ((char *const[]){NULL})

static char directory[] = "/tmp/test_config.XXXXXX";
static char path[64];   /* the configuration file */
static char secret[64]; /* a file for one secret */
static struct config c;
static struct err e;

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/tickd.conf", directory);
    snprintf(secret, sizeof secret, "%s/secret", directory);
    e.text[0] = '\0';
}

static void clean_up(void)
{
    config_fini(&c);
    unlink(path);
    unlink(secret);
    rmdir(directory);
}

static void write_file(const char *to, const char *text, size_t len, mode_t mode)
{
    FILE *f = fopen(to, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(to, mode), 0);
}

static bool load(const char *file, char *const *environment, char *const *flags)
{
    write_file(path, file, strlen(file), 0640);
    struct config_source source = {path, environment, flags};
    config_fini(&c);
    return config_load(&c, &source, &e);
}

static bool load_file(const char *file)
{
    return load(file, NOTHING, NOTHING);
}

static bool load_env(const char *a, const char *b)
{
    char *copies[] = {strdup(a), b ? strdup(b) : NULL, NULL};
    bool ok = load("", copies, NOTHING);
    free(copies[0]);
    free(copies[1]);
    return ok;
}

static const char *property(const char *name)
{
    for (size_t i = 0; i < c.kafka_count; i++) {
        if (strcmp(c.kafka[i].name, name) == 0)
            return c.kafka[i].value;
    }
    return NULL;
}

static const char *origin(const char *name)
{
    return c.origins[option_index(option_find(name))];
}

static void assert_says(const char *part)
{
    ck_assert_msg(strstr(e.text, part) != NULL, "\"%s\" is not in: %s", part, e.text);
}

/* What config_print() prints. */
static char *printed(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    config_print(&c, f);
    fclose(f);
    return text;
}

START_TEST(defaults_are_those_of_the_table)
{
    ck_assert(load_file(""));
    ck_assert_str_eq(c.database_url, "");
    ck_assert_int_eq(c.linger_ms, 100);
    ck_assert_int_eq(c.batch_bytes, 4194304);
    ck_assert(c.require_hypertable && !c.keep_repeats);
    ck_assert_str_eq(c.topics, "ticks");
    ck_assert_str_eq(c.group, "tickd");
    ck_assert_int_eq(c.ties, TIES_SPREAD);
    ck_assert_int_eq(c.log_level, LEVEL_INFO);
    ck_assert(c.synthetic_spread_bps >= 1 && c.synthetic_spread_bps <= 1);
    ck_assert_str_eq(property("bootstrap.servers"), "localhost:9092");
    for (size_t i = 0; i < option_count; i++)
        ck_assert_str_eq(c.origins[i], "default");
}
END_TEST

START_TEST(file_sets_options_and_properties)
{
    ck_assert_msg(
        load_file("# comment\n; comment\n\n  linger_ms=7  \r\nties = LAST\nkeep_repeats = on\n"
                  "synthetic_spread_bps = 2.5\nkafka.bootstrap.servers = a:1,b:2\n"
                  "topics = a, b\nmax_age = 86400"),
        "%s", e.text);
    ck_assert_int_eq(c.linger_ms, 7);
    ck_assert_int_eq(c.ties, TIES_LAST);
    ck_assert(c.keep_repeats);
    ck_assert(c.synthetic_spread_bps > 2.4 && c.synthetic_spread_bps < 2.6);
    ck_assert_str_eq(c.topics, "a,b");
    ck_assert_int_eq(c.max_age, 86400);
    ck_assert_str_eq(property("bootstrap.servers"), "a:1,b:2");
    ck_assert_ptr_nonnull(strstr(origin("linger_ms"), "tickd.conf:4"));
    ck_assert_ptr_nonnull(strstr(c.kafka[0].origin, "tickd.conf:8"));
}
END_TEST

START_TEST(password_may_hold_comment_signs_and_quotes)
{
    ck_assert(load_file("kafka.sasl.password =  a;b # c \"d\" = e\n"));
    ck_assert_str_eq(property("sasl.password"), "a;b # c \"d\" = e");
}
END_TEST

START_TEST(long_line_is_not_cut)
{
    enum { LEN = 5000 };
    char *text = malloc(LEN + 64);
    int n = sprintf(text, "kafka.bootstrap.servers = ");
    memset(text + n, 'x', LEN);
    strcpy(text + n + LEN, "\nlinger_ms = 9\n");
    ck_assert(load_file(text));
    ck_assert_uint_eq(strlen(property("bootstrap.servers")), LEN);
    ck_assert_int_eq(c.linger_ms, 9);
    free(text);
}
END_TEST

/* Each refusal names line, key and value, and what would be right. */
static const struct {
    const char *file;
    const char *message;
} bad_files[] = {
    {"\nlinger_ms = fast\n",
     "tickd.conf:2: linger_ms = \"fast\": not a whole number; expected 0 to 60000 ms"},
    {"linger_ms = 60001", "linger_ms = \"60001\": out of range; expected 0 to 60000 ms"},
    {"linger_ms = -1", "out of range"},
    {"linger_ms = 99999999999999999999", "out of range"},
    {"linger_ms = 1e3", "not a whole number"},
    {"linger_ms = 0x10", "not a whole number"},
    {"linger_ms = +5", "not a whole number"},
    {"linger_ms =", "not a whole number"},
    {"linger_ms = 100 # ms", "(a comment needs a line of its own)"},
    {"batch_bytes = 4194305", "expected 1024 to 4194304 bytes"},
    {"synthetic_spread_bps = nan", "not a number; expected 0 to 10000 bps"},
    {"synthetic_spread_bps = 10000.5", "out of range"},
    {"synthetic_spread_bps = .", "not a number"},
    {"keep_repeats = maybe", "expected yes or no"},
    {"ties = some", "ties = \"some\": unknown; expected spread, first or last"},
    {"log_level = loud", "expected error, warn, info, debug, warning, critical, fatal or notset"},
    {"lingerms = 5", "tickd.conf:1: lingerms: unknown option; did you mean linger_ms?"},
    {"bootstrap.servers = x", "did you mean kafka.bootstrap.servers?"},
    {"frobnicate = x", "unknown option; tickd --help"},
    {"[kafka]\n", "tickd.conf:1: section"},
    {"linger_ms 5\n", "tickd.conf:1: no '='"},
    {"linger ms = 5\n", "not a key"},
    {"= 5\n", "not a key"},
    {"linger_ms = 5\nlinger_ms = 5\n", "tickd.conf:2: linger_ms: stands at "},
    {"kafka.client.id = a\nkafka.client.id = b\n", "tickd.conf:2: kafka.client.id: stands at "},
    {"topics =", "not a list of topics"},
    {"topics = ^tick.*", "not a list of topics"},
    {"topics = a,,b", "not a list of topics"},
    {"topics = a,b,a", "a topic twice"},
    {"topics = \"ticks\"", "expected topic names"},
    {"topics = ..", "not a list of topics"},
    {"group =", "empty; expected 1 to 57"},
    {"group = my group", "not a group name"},
    {"group = 0123456789012345678901234567890123456789012345678901234567", "too long"},
    {"default_exchange =", "empty"},
    {"database_url = localhost", "tickd.conf:1: database_url: neither a URL"},
    {"retry_min_ms = 500\nretry_max_ms = 400\n", "tickd.conf:1) is above retry_max_ms = 400 ms ("},
    {"lock_timeout_ms = 40000", "is above statement_timeout_ms = 30000 ms (default)"},
    {"kafka.group.id = x", "kafka.group.id = \"x\": use group"},
    {"kafka.enable.auto.commit = true", "offsets are kept in the database"},
    {"kafka.auto.offset.reset = latest", "use start_from"},
    {"kafka.plugin.library.paths = /tmp/x.so", "would run code"},
    {"kafka.sasl.kerberos.kinit.cmd = id", "would run code"},
    {"kafka.ssl.engine.location = /tmp/x.so", "would run code"},
    {"kafka.ssl.providers = x", "would run code"},
    {"kafka.sasl.kerberos.principal = x;id", "shell command"},
    {"kafka.sasl.kerberos.keytab = /a b", "shell command"},
    {"kafka.partition.assignment.strategy = cooperative-sticky", "before 2.6.1"},
    {"kafka.partition.assignment.strategy = range,sticky", "expected range or roundrobin"},
    {"kafka.group.protocol = consumer", "classic group protocol"},
    {"kafka.bootstrap.servers = \"a:1\"", "quotes are not taken off"},
    {"kafka.bootstrap.servers =", "empty"},
    {"kafka.sasl.password =", "tickd.conf:1: kafka.sasl.password: empty"},
};

START_TEST(bad_file_is_refused_with_the_reason)
{
    ck_assert_msg(!load_file(bad_files[_i].file), "%s", bad_files[_i].file);
    assert_says(bad_files[_i].message);
    ck_assert_ptr_null(c.origins); /* nothing is left to free */
}
END_TEST

START_TEST(nul_byte_in_the_file_is_refused)
{
    write_file(path, "linger_ms = 1\0\n", 15, 0640);
    struct config_source source = {path, NOTHING, NOTHING};
    ck_assert(!config_load(&c, &source, &e));
    assert_says("tickd.conf:1: a NUL byte");
}
END_TEST

START_TEST(byte_order_mark_is_skipped)
{
    ck_assert(load_file("\xEF\xBB\xBFlinger_ms = 5\n"));
    ck_assert_int_eq(c.linger_ms, 5);
}
END_TEST

START_TEST(given_file_must_exist)
{
    struct config_source source = {"/nonexistent/tickd.conf", NOTHING, NOTHING};
    ck_assert(!config_load(&c, &source, &e));
    assert_says("/nonexistent/tickd.conf: No such file");
    source.path = directory;
    ck_assert(!config_load(&c, &source, &e));
    assert_says("Is a directory");
}
END_TEST

START_TEST(environment_beats_file_and_flag_beats_environment)
{
    char *environment[] = {S("TICKD_LINGER_MS=2"), S("TICKD_BATCH_ROWS=2"), NULL};
    char *flags[] = {S("linger_ms=3"), NULL};
    ck_assert(load("linger_ms = 1\nbatch_rows = 1\ntie_memory = 1\n", environment, flags));
    ck_assert_int_eq(c.linger_ms, 3);
    ck_assert_str_eq(origin("linger_ms"), "command line");
    ck_assert_int_eq(c.batch_rows, 2);
    ck_assert_str_eq(origin("batch_rows"), "environment TICKD_BATCH_ROWS");
    ck_assert_int_eq(c.tie_memory, 1);
}
END_TEST

START_TEST(names_of_db_writer_work_unchanged)
{
    char *environment[] = {S("DATABASE_URL=postgresql+asyncpg://u:p@db/nexwave"),
                           S("KAFKA_BOOTSTRAP_SERVERS=kafka:29092"),
                           S("BATCH_SIZE=100"),
                           S("WRITE_INTERVAL_SEC=2.5"),
                           S("LOG_LEVEL=WARNING"),
                           NULL};
    ck_assert_msg(load("", environment, NOTHING), "%s", e.text);
    ck_assert_str_eq(c.database_url, "postgresql://u:p@db/nexwave");
    ck_assert_str_eq(property("bootstrap.servers"), "kafka:29092");
    ck_assert_int_eq(c.batch_rows, 100);
    ck_assert_int_eq(c.linger_ms, 2500);
    ck_assert_int_eq(c.log_level, LEVEL_WARN);
    ck_assert_str_eq(origin("linger_ms"), "environment WRITE_INTERVAL_SEC");
}
END_TEST

START_TEST(every_level_name_of_python_is_known)
{
    static const struct {
        const char *variable;
        enum config_level level;
    } levels[] = {{"LOG_LEVEL=DEBUG", LEVEL_DEBUG},
                  {"LOG_LEVEL=INFO", LEVEL_INFO},
                  {"LOG_LEVEL=Warning", LEVEL_WARN},
                  {"LOG_LEVEL=error", LEVEL_ERROR},
                  {"LOG_LEVEL=CRITICAL", LEVEL_ERROR}};
    for (int i = 0; i < COUNT(levels); i++) {
        ck_assert(load_env(levels[i].variable, NULL));
        ck_assert_int_eq(c.log_level, levels[i].level);
    }
}
END_TEST

START_TEST(own_name_beats_old_name_and_says_so)
{
    ck_assert(load_env("BATCH_SIZE=100", "TICKD_BATCH_ROWS=200"));
    ck_assert_int_eq(c.batch_rows, 200);
    ck_assert_str_eq(origin("batch_rows"),
                     "environment TICKD_BATCH_ROWS, BATCH_SIZE differs and is not used");
    ck_assert(load_env("WRITE_INTERVAL_SEC=0.2", "TICKD_LINGER_MS=200"));
    ck_assert_str_eq(origin("linger_ms"), "environment TICKD_LINGER_MS");
    ck_assert(load_env("KAFKA_BOOTSTRAP_SERVERS=a:1", "TICKD_KAFKA_BOOTSTRAP_SERVERS=b:2"));
    ck_assert_str_eq(property("bootstrap.servers"), "b:2");
}
END_TEST

START_TEST(any_property_has_a_variable)
{
    ck_assert(load_env("TICKD_KAFKA_SASL_PASSWORD=x", "TICKD_KAFKA_SECURITY_PROTOCOL=ssl"));
    ck_assert_str_eq(property("sasl.password"), "x");
    ck_assert_str_eq(property("security.protocol"), "ssl");
}
END_TEST

START_TEST(empty_variable_counts_as_not_set)
{
    ck_assert(load_env("TICKD_LINGER_MS=", "DATABASE_URL="));
    ck_assert_int_eq(c.linger_ms, 100);
    ck_assert_str_eq(origin("linger_ms"), "default");
}
END_TEST

static const struct {
    const char *a;
    const char *b;
    const char *message;
} bad_environments[] = {
    {"TICKD_LINGER_MS=fast", NULL,
     "environment TICKD_LINGER_MS: linger_ms = \"fast\": not a whole"},
    {"WRITE_INTERVAL_SEC=fast", NULL,
     "environment WRITE_INTERVAL_SEC = \"fast\": not a number; expected 0 to 60 s"},
    {"WRITE_INTERVAL_SEC=61", NULL, "out of range"},
    {"BATCH_SIZE=0", NULL, "environment BATCH_SIZE: batch_rows = \"0\": out of range"},
    {"TICKD_LINGR_MS=5", NULL, "TICKD_LINGR_MS: unknown option; did you mean TICKD_LINGER_MS"},
    {"TICKD_FROBNICATE_FILE=/x", NULL, "TICKD_FROBNICATE_FILE: unknown option"},
    {"TICKD_FILE=/x", NULL, "environment TICKD_FILE: unknown option"},
    {"TICKD_=5", NULL, "environment TICKD_: unknown option"},
    {"TICKD_KAFKA_FILE=/x", NULL, "not the name of a property"},
    {"TICKD_DEFAULT_EXCHANGE=a ", NULL, "blanks at an end; expected 1 to 50"},
    {"TICKD_KAFKA_=5", NULL, "not the name of a property"},
    {"TICKD_KAFKA_GROUP_ID=x", NULL, "kafka.group.id = \"x\": use group"},
    {"DATABASE_URL=x", "DATABASE_URL_FILE=/x", "DATABASE_URL and DATABASE_URL_FILE are both set"},
    {"TICKD_KAFKA_SASL_PASSWORD=x", "TICKD_KAFKA_SASL_PASSWORD_FILE=/x", "are both set"},
    {"DATABASE_URL_FILE=/nonexistent", NULL,
     "environment DATABASE_URL_FILE: /nonexistent: No such file"},
    {"DATABASE_URL=postgresql+asyncpg://u:hunter2@h/d?foo=1", NULL,
     "environment DATABASE_URL: database_url: unknown parameter foo"},
};

START_TEST(bad_environment_is_refused_with_the_reason)
{
    ck_assert(!load_env(bad_environments[_i].a, bad_environments[_i].b));
    assert_says(bad_environments[_i].message);
    ck_assert_ptr_null(strstr(e.text, "hunter2"));
}
END_TEST

START_TEST(variables_that_kubernetes_makes_are_ignored)
{
    ck_assert(load_env("TICKD_SERVICE_HOST=10.0.0.1", "TICKD_PORT_9187_TCP_PROTO=tcp"));
    ck_assert(load_env("TICKD_PORT=tcp://10.0.0.1:9187", "TICKD_METRICS_SERVICE_PORT=1"));
    ck_assert(load_env("TICKD_HTTP_PORT=tcp://10.0.0.1:9187", "TICKD_DNS_PORT=udp://10.0.0.1:53"));
}
END_TEST

/* Somebody means something by it. */
START_TEST(variable_that_looks_like_one_of_kubernetes_is_unknown)
{
    ck_assert(!load_env("TICKD_HTTP_PORT=9187", NULL));
    assert_says("environment TICKD_HTTP_PORT: unknown option");
    ck_assert(!load_env("TICKD_PORT_NUMBER=9187", NULL));
    assert_says("environment TICKD_PORT_NUMBER: unknown option");
}
END_TEST

static bool load_secret(const char *variable, const char *text, mode_t mode)
{
    char entry[128];
    write_file(secret, text, strlen(text), mode);
    snprintf(entry, sizeof entry, "%s=%s", variable, secret);
    return load_env(entry, NULL);
}

START_TEST(secret_comes_from_a_file)
{
    ck_assert(load_secret("TICKD_KAFKA_SASL_PASSWORD_FILE", " a b \n", 0400));
    ck_assert_str_eq(property("sasl.password"), " a b ");
    ck_assert(load_secret("TICKD_KAFKA_SASL_PASSWORD_FILE", "x\n\n", 0400));
    ck_assert_str_eq(property("sasl.password"), "x\n");
    ck_assert(load_secret("DATABASE_URL_FILE", "postgresql+asyncpg://u:p@h/d\r\n", 0440));
    ck_assert_str_eq(c.database_url, "postgresql://u:p@h/d");
    ck_assert_ptr_nonnull(strstr(origin("database_url"), "environment DATABASE_URL_FILE (/tmp/"));
    ck_assert(!load_secret("DATABASE_URL_FILE", "\n", 0400));
    assert_says("is empty");
}
END_TEST

static bool load_file_naming(const char *name, const char *text, mode_t mode)
{
    char line[128];
    write_file(secret, text, strlen(text), mode);
    snprintf(line, sizeof line, "%s_file = %s\n", name, secret);
    return load_file(line);
}

START_TEST(line_may_name_the_file_of_a_secret)
{
    ck_assert(load_file_naming("kafka.sasl.password", " a b \n", 0400));
    ck_assert_str_eq(property("sasl.password"), " a b ");
    ck_assert(load_file_naming("database_url", "postgresql://u:p@h/d\n", 0400));
    ck_assert_str_eq(c.database_url, "postgresql://u:p@h/d");
    ck_assert_ptr_nonnull(strstr(origin("database_url"), "tickd.conf:1 (/tmp/"));
    ck_assert(!load_file_naming("kafka.sasl.password", "hunter2", 0444));
    assert_says("every user may read");
    ck_assert_ptr_null(strstr(e.text, "hunter2"));
    ck_assert(!load_file_naming("kafka.sasl.password", "\n", 0400));
    assert_says("is empty");
    ck_assert(!load_file("kafka.sasl.password_file = /nonexistent\n"));
    assert_says("tickd.conf:1: kafka.sasl.password_file: /nonexistent: ");
    ck_assert(!load_file("kafka.sasl.password = x\nkafka.sasl.password_file = /etc/hostname\n"));
    assert_says("stands at");
    ck_assert(!load_file_naming("kafka.plugin.library.paths", "/tmp/x.so", 0400));
    assert_says("would run code");
}
END_TEST

START_TEST(secret_that_everyone_may_read_is_refused)
{
    ck_assert(!load_secret("TICKD_KAFKA_SASL_PASSWORD_FILE", "hunter2", 0444));
    assert_says("every user may read");
    ck_assert(!load_secret("DATABASE_URL_FILE", "postgresql://u:hunter2@h/d", 0644));
    assert_says("every user may read");
    ck_assert_ptr_null(strstr(e.text, "hunter2"));
    ck_assert(load_secret("DATABASE_URL_FILE", "postgresql://u@h/d", 0644));
    ck_assert(load_secret("TICKD_LINGER_MS_FILE", "5", 0644));
}
END_TEST

/* Puts `text` into credential `name`, and loads. */
static bool load_credential(const char *name, const char *text, const char *variable)
{
    char credentials[64], file[128], entry[128];
    snprintf(credentials, sizeof credentials, "%s/credentials", directory);
    snprintf(file, sizeof file, "%s/%s", credentials, name);
    snprintf(entry, sizeof entry, "CREDENTIALS_DIRECTORY=%s", credentials);
    mkdir(credentials, 0700);
    write_file(file, text, strlen(text), 0400);
    bool ok = load_env(entry, variable);
    unlink(file);
    rmdir(credentials);
    return ok;
}

START_TEST(credential_is_the_option_of_its_name)
{
    ck_assert_msg(load_credential("tickd.database_url", "host=db password=hunter2\n", NULL), "%s",
                  e.text);
    ck_assert_str_eq(c.database_url, "host=db password=hunter2");
    ck_assert_str_eq(origin("database_url"), "credential tickd.database_url");
    ck_assert(load_credential("tickd.kafka.sasl.password", "hunter2\n", NULL));
    ck_assert_str_eq(property("sasl.password"), "hunter2");
    ck_assert(load_credential("tickd.group", "a", "TICKD_GROUP=b"));
    ck_assert_str_eq(c.group, "b"); /* the environment is stronger */
    ck_assert(load_credential("other.secret", "", NULL));
}
END_TEST

START_TEST(bad_credential_is_named)
{
    ck_assert(!load_credential("tickd.database_url", "", NULL));
    assert_says("credential tickd.database_url: ");
    assert_says("is empty");
    ck_assert(!load_credential("tickd.databse_url", "host=db", NULL));
    assert_says("did you mean database_url?");
    ck_assert(!load_env("CREDENTIALS_DIRECTORY=/nonexistent", NULL));
    assert_says("CREDENTIALS_DIRECTORY: /nonexistent: No such file");
}
END_TEST

START_TEST(public_file_may_hold_all_but_secrets)
{
    static const char *const texts[] = {"linger_ms = 1\ndatabase_url = host=db\n",
                                        "database_url = host=db password=hunter2\n",
                                        "kafka.ssl.key.password = hunter2\n"};
    for (int i = 0; i < COUNT(texts); i++) {
        write_file(path, texts[i], strlen(texts[i]), 0644);
        struct config_source source = {path, NOTHING, NOTHING};
        config_fini(&c);
        ck_assert_int_eq(config_load(&c, &source, &e), i == 0);
    }
    assert_says("tickd.conf:1: kafka.ssl.key.password: a secret in a file");
}
END_TEST

START_TEST(key_in_a_file_that_everyone_may_read_is_refused)
{
    static const char *const names[] = {"kafka.ssl.key.location", "kafka.ssl.keystore.location",
                                        "kafka.sasl.kerberos.keytab"};
    char line[256];
    for (int i = 0; i < COUNT(names); i++) {
        snprintf(line, sizeof line, "%s = %s\n", names[i], secret);
        write_file(secret, "key", 3, 0604);
        ck_assert(!load_file(line));
        assert_says("every user may read");
        assert_says(names[i]);
        write_file(secret, "key", 3, 0640);
        ck_assert(load_file(line));
    }
    write_file(secret, "certificate", 11, 0644);
    snprintf(line, sizeof line, "kafka.ssl.certificate.location = %s\n", secret);
    ck_assert(load_file(line));
    ck_assert(load_file("kafka.ssl.key.location = /nonexistent\n")); /* librdkafka says it */
}
END_TEST

START_TEST(secret_on_the_command_line_is_refused)
{
    char *with_password[] = {S("database_url=postgresql://u:hunter2@h/d"), NULL};
    ck_assert(!load("", NOTHING, with_password));
    assert_says("command line: database_url: a secret on the command line");
    char *property_flag[] = {S("kafka.sasl.password=hunter2"), NULL};
    ck_assert(!load("", NOTHING, property_flag));
    ck_assert_ptr_null(strstr(e.text, "hunter2"));
    char *harmless[] = {S("database_url=postgresql://u@h/d"), NULL};
    ck_assert(load("", NOTHING, harmless));
}
END_TEST

START_TEST(printed_configuration_can_be_loaded_and_holds_no_secret)
{
    ck_assert(load_file("database_url = postgresql://u:hunter2@h/d\nkafka.sasl.password = hunter2\n"
                        "kafka.ssl.key.pem = hunter2\nkafka.sasl.oauthbearer.config = hunter2\n"
                        "kafka.sasl.oauthbearer.client.secret = hunter2\n"
                        "ties = first\nsynthetic_spread_bps = 0.5\nkafka.client.id = x\n"));
    char *first = printed();
    ck_assert_ptr_null(strstr(first, "hunter2"));
    ck_assert_ptr_nonnull(strstr(first, "tickd.conf:6\nties = first\n"));
    ck_assert_ptr_nonnull(strstr(first, "# default\nlinger_ms = 100\n"));
    ck_assert_msg(load_file(first), "%s", e.text);
    ck_assert_int_eq(c.ties, TIES_FIRST);
    ck_assert_str_eq(property("client.id"), "x");
    free(first);
}
END_TEST

START_TEST(certificate_of_several_lines_does_not_break_the_printed_file)
{
    ck_assert(load_secret("TICKD_KAFKA_SSL_CA_PEM_FILE", "-----BEGIN\nx\n-----END\n", 0644));
    char *first = printed();
    ck_assert(load_file(first));
    free(first);
}
END_TEST

START_TEST(reload_takes_what_may_change_and_names_the_rest)
{
    ck_assert(load_file("log_level = debug\nlinger_ms = 5\ngroup = b\nkafka.client.id = a\n"
                        "kafka.check.crcs = true\n"));
    struct config fresh = c;
    c = (struct config){0};
    ck_assert(load_file("kafka.client.id = b\nkafka.fetch.min.bytes = 1\n"));
    char ignored[200];
    ck_assert_uint_eq(config_reload(&c, &fresh, ignored, sizeof ignored), 2);
    ck_assert_int_eq(c.log_level, LEVEL_DEBUG);
    ck_assert_int_eq(c.linger_ms, 5);
    ck_assert_ptr_nonnull(strstr(origin("linger_ms"), "tickd.conf:2"));
    ck_assert_str_eq(c.group, "tickd");
    ck_assert_str_eq(ignored, "group,kafka.client.id,kafka.fetch.min.bytes,kafka.check.crcs");
    ck_assert_uint_eq(config_reload(&c, &fresh, ignored, 8), 0);
    ck_assert_str_eq(ignored, "group");
    config_fini(&fresh);
}
END_TEST

static char warnings[1000];

static void on_warning(void *ctx, const char *text)
{
    (void)ctx;
    strcat(warnings, text);
}

START_TEST(weak_settings_are_allowed_and_warned_of)
{
    ck_assert(load_file("kafka.enable.ssl.certificate.verification = False\n"
                        "kafka.ssl.endpoint.identification.algorithm = none\n"
                        "kafka.security.protocol = sasl_plaintext\n"
                        "kafka.client.id = a # b\nkafka.sasl.password = hunter2 # b\n"));
    config_each_warning(&c, on_warning, NULL);
    ck_assert_ptr_nonnull(strstr(warnings, "tickd.conf:1: kafka.enable.ssl.certificate"));
    ck_assert_ptr_nonnull(strstr(warnings, "tickd.conf:2: kafka.ssl.endpoint"));
    ck_assert_ptr_nonnull(strstr(warnings, "not encrypted"));
    ck_assert_ptr_nonnull(strstr(warnings, "\"a # b\": taken as it stands"));
    ck_assert_ptr_null(strstr(warnings, "hunter2"));
    warnings[0] = '\0';
    ck_assert(load_file("kafka.security.protocol = sasl_ssl\n"));
    config_each_warning(&c, on_warning, NULL);
    ck_assert_str_eq(warnings, "");
}
END_TEST

START_TEST(refusal_by_librdkafka_reads_like_our_own)
{
    struct config_property plain = {S("fetch.min.bytes"), S("x"), S("tickd.conf:3")};
    config_property_error(&plain, "no number", &e);
    ck_assert_str_eq(e.text, "tickd.conf:3: kafka.fetch.min.bytes = \"x\": no number");
    struct config_property hidden = {S("sasl.password"), S("hunter2"), S("tickd.conf:4")};
    config_property_error(&hidden, "bad", &e);
    ck_assert_str_eq(e.text, "tickd.conf:4: kafka.sasl.password: bad");
}
END_TEST

START_TEST(control_characters_do_not_reach_the_terminal)
{
    ck_assert(!load_env("TICKD_LINGER_MS=\x1b[2J\n5", NULL));
    assert_says("linger_ms = \"?[2J?5\"");
}
END_TEST

START_TEST(table_is_complete)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        ck_assert_ptr_eq(option_find(o->name), o);
        ck_assert_ptr_nonnull(o->section);
        ck_assert_ptr_nonnull(o->unit);
        ck_assert_uint_gt(strlen(o->help), 10);
        ck_assert((o->kind == OPTION_TEXT) == (o->mend && o->expected));
        ck_assert((o->kind == OPTION_CHOICE) == (o->choices != NULL));
        ck_assert(!o->holds_secret == !o->mask);
        ck_assert_str_eq(option_suggest(o->name), o->name);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("config");
    tcase_add_checked_fixture(t, set_up, clean_up);
    tcase_add_test(t, defaults_are_those_of_the_table);
    tcase_add_test(t, file_sets_options_and_properties);
    tcase_add_test(t, password_may_hold_comment_signs_and_quotes);
    tcase_add_test(t, long_line_is_not_cut);
    tcase_add_loop_test(t, bad_file_is_refused_with_the_reason, 0, COUNT(bad_files));
    tcase_add_test(t, nul_byte_in_the_file_is_refused);
    tcase_add_test(t, byte_order_mark_is_skipped);
    tcase_add_test(t, given_file_must_exist);
    tcase_add_test(t, environment_beats_file_and_flag_beats_environment);
    tcase_add_test(t, names_of_db_writer_work_unchanged);
    tcase_add_test(t, every_level_name_of_python_is_known);
    tcase_add_test(t, own_name_beats_old_name_and_says_so);
    tcase_add_test(t, any_property_has_a_variable);
    tcase_add_test(t, empty_variable_counts_as_not_set);
    tcase_add_loop_test(t, bad_environment_is_refused_with_the_reason, 0, COUNT(bad_environments));
    tcase_add_test(t, variables_that_kubernetes_makes_are_ignored);
    tcase_add_test(t, variable_that_looks_like_one_of_kubernetes_is_unknown);
    tcase_add_test(t, secret_comes_from_a_file);
    tcase_add_test(t, line_may_name_the_file_of_a_secret);
    tcase_add_test(t, secret_that_everyone_may_read_is_refused);
    tcase_add_test(t, credential_is_the_option_of_its_name);
    tcase_add_test(t, bad_credential_is_named);
    tcase_add_test(t, public_file_may_hold_all_but_secrets);
    tcase_add_test(t, key_in_a_file_that_everyone_may_read_is_refused);
    tcase_add_test(t, secret_on_the_command_line_is_refused);
    tcase_add_test(t, printed_configuration_can_be_loaded_and_holds_no_secret);
    tcase_add_test(t, certificate_of_several_lines_does_not_break_the_printed_file);
    tcase_add_test(t, reload_takes_what_may_change_and_names_the_rest);
    tcase_add_test(t, weak_settings_are_allowed_and_warned_of);
    tcase_add_test(t, refusal_by_librdkafka_reads_like_our_own);
    tcase_add_test(t, control_characters_do_not_reach_the_terminal);
    tcase_add_test(t, table_is_complete);
    Suite *s = suite_create("config");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
