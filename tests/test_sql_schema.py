# SPDX-License-Identifier: MIT
"""The Sqitch changes: they deploy, verify and revert, and verify notices what is wrong."""

import os
import shutil
import subprocess

import psycopg2
import pytest

from lib import schema
from lib.wait import wait_until

TABLES = {"pairs", "ticks", "orders", "positions", "whale_activities", "performance_metrics",
          "ingest_offsets", "rejected_ticks", "ingest_gaps"}

# As the issue lists them: symbol:max_leverage:min_order_size:tick_size:display name.
SEED = """BTC:50:0.001:0.1:Bitcoin, ETH:50:0.01:0.01:Ethereum, SOL:20:0.1:0.001:Solana,
HYPE:20:1:0.0001:Hyperliquid, ZEC:10:0.01:0.01:Zcash, BNB:10:0.01:0.01:BNB, XRP:20:10:0.0001:Ripple,
PUMP:5:100:0.00001:Pump, AAVE:10:0.1:0.01:Aave, ENA:10:10:0.0001:Ethena, ASTER:5:1:0.0001:Aster,
kBONK:10:100:0.000001:Bonk (1000x), kPEPE:10:100:0.000001:Pepe (1000x), LTC:10:0.1:0.01:Litecoin,
PAXG:10:0.01:0.1:Paxos Gold, VIRTUAL:5:1:0.0001:Virtual, SUI:10:1:0.0001:Sui,
FARTCOIN:10:1:0.00001:Fartcoin, TAO:10:0.1:0.01:Bittensor, DOGE:15:10:0.00001:Dogecoin,
XPL:10:1:0.0001:XPL, AVAX:10:1:0.01:Avalanche, LINK:10:1:0.001:Chainlink, UNI:10:1:0.001:Uniswap,
WLFI:5:1:0.0001:WLFI, PENGU:5:100:0.000001:Pengu, 2Z:3:1:0.0001:2Z, MON:3:10:0.00001:MON,
LDO:10:1:0.001:Lido DAO, CRV:10:1:0.0001:Curve"""
CATEGORIES = {
    ("major", 25000): "BTC ETH SOL",
    ("mid-cap", 10000): "HYPE ZEC BNB XRP PUMP AAVE ENA",
    ("emerging", 5000): "ASTER kBONK kPEPE LTC PAXG VIRTUAL SUI FARTCOIN TAO DOGE XPL AVAX LINK UNI",
    ("small-cap", 2500): "WLFI PENGU 2Z MON LDO CRV",
}


def tables(cluster, dbname, namespace="public"):
    return {row[0] for row in cluster.query(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v', 'p') AND relnamespace = %s::regnamespace"
        " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'e')",
        (namespace,), dbname)}


def functions(cluster, dbname, namespace="public"):
    return {row[0] for row in cluster.query(
        "SELECT proname FROM pg_proc p WHERE pronamespace = %s::regnamespace"
        " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')",
        (namespace,), dbname)}


def roles(cluster):
    return {row[0] for row in cluster.query("SELECT rolname FROM pg_roles")}


@pytest.mark.parametrize("where", ["in sql/", "in the root"])
def test_sqitch_deploys_verifies_and_reverts(pg_private, scratch, where):
    assert shutil.which("sqitch"), "sqitch is not installed"
    dbname = pg_private.create_database()
    home = scratch.dir("sqitch")
    target = f"db:pg://postgres@127.0.0.1:{pg_private.port}/{dbname}"

    def sqitch(*arguments):
        command = ["sqitch", *(["--chdir", "sql"] if where == "in the root" else []), *arguments]
        done = subprocess.run(
            command, cwd=schema.ROOT if where == "in the root" else schema.SQL_DIR,
            env={"PATH": pg_private.bindir + ":" + os.environ["PATH"], "HOME": home, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout

    for _ in range(2):
        sqitch("deploy", target)
        assert "Verify successful" in sqitch("verify", target)
        assert TABLES <= tables(pg_private, dbname)
        sqitch("revert", "-y", target)
        assert tables(pg_private, dbname) == set()
        assert functions(pg_private, dbname) == set()
        assert "tickd" not in roles(pg_private)


def test_plain_psql_deploys_verifies_and_reverts(pg_private):
    dbname = pg_private.create_database()
    for _ in range(2):
        schema.deploy(pg_private, dbname)
        schema.verify(pg_private, dbname)
        assert tables(pg_private, dbname) == TABLES | {"candles_15m_ohlcv"}
        schema.revert(pg_private, dbname)
        assert tables(pg_private, dbname) == set()
        assert functions(pg_private, dbname) == set()
        assert "tickd" not in roles(pg_private)


def test_every_change_has_its_three_scripts_and_no_other_is_there():
    for what in ("deploy", "revert", "verify"):
        found = {name[:-len(".sql")] for name in os.listdir(os.path.join(schema.SQL_DIR, what))}
        assert found == set(schema.changes())


def test_schema_need_not_be_public(pg_private):
    """In a schema of another name, with a public one full of tables of the same names."""
    dbname = pg_private.create_database()
    schema.deploy(pg_private, dbname)
    pg_private.query('CREATE SCHEMA "market data"', dbname=dbname)
    pg_private.query(f'ALTER DATABASE "{dbname}" SET search_path = "market data", public')
    # The stand-ins, or the extension, are found in public.
    for what in ("deploy", "verify"):
        for name in schema.changes():
            pg_private.psql_file(f"sql/{what}/{name}.sql", dbname)
    assert tables(pg_private, dbname, '"market data"') == TABLES | {"candles_15m_ohlcv"}

    conn = pg_private.connect(dbname, "tickd")
    with conn.cursor() as cursor:
        cursor.execute("SHOW search_path")
        assert cursor.fetchone()[0] == '"market data", pg_temp'
        cursor.execute("SELECT ingest_start('g', 'c', 't', 0, 5)")
        # Whatever the caller's path says.
        cursor.execute("SET search_path = public")
        cursor.execute("""SELECT "market data".ingest_start('g', 'c', 't', 1, 5)""")
    conn.close()
    assert pg_private.query('SELECT count(*) FROM "market data".ingest_offsets', dbname=dbname) == [(2,)]
    assert pg_private.query("SELECT count(*) FROM public.ingest_offsets", dbname=dbname) == [(0,)]
    schema.revert(pg_private, dbname)
    assert tables(pg_private, dbname, '"market data"') == set()
    assert tables(pg_private, dbname) == TABLES | {"candles_15m_ohlcv"}


# Per change, what somebody may have done to it.
DAMAGE = [
    ("schema_expect", "CREATE OR REPLACE FUNCTION schema_expect(relation regclass, wanted text[])"
                      " RETURNS void LANGUAGE sql AS ''"),
    ("time_functions", "DROP VIEW candles_15m_ohlcv; DROP AGGREGATE last(double precision, timestamptz)"),
    ("pairs", "ALTER TABLE pairs ALTER active DROP DEFAULT"),
    ("pairs", "ALTER TABLE pairs ALTER category DROP NOT NULL"),
    ("pairs", "ALTER TABLE pairs DROP display_name"),
    ("pairs", "ALTER TABLE pairs ALTER symbol TYPE varchar(30)"),
    ("pairs_seed", "DELETE FROM pairs WHERE symbol = 'kBONK'"),
    ("ticks", "ALTER TABLE ticks DROP CONSTRAINT ticks_symbol_fkey"),
    ("ticks", "ALTER TABLE ticks DROP CONSTRAINT ticks_pkey"),
    ("ticks", "DROP INDEX ticks_symbol_time_idx"),
    ("ticks", "ALTER TABLE ticks ALTER exchange DROP DEFAULT"),
    ("ticks", "DROP VIEW candles_15m_ohlcv; ALTER TABLE ticks ALTER price TYPE real"),
    ("orders", "ALTER TABLE orders DROP CONSTRAINT orders_client_order_id_key"),
    ("orders", "ALTER TABLE orders ALTER metadata TYPE text"),
    ("positions", "ALTER TABLE positions DROP CONSTRAINT positions_strategy_id_symbol_key"),
    ("whale_activities", "ALTER TABLE whale_activities DROP market_impact_bps"),
    ("performance_metrics", "ALTER TABLE performance_metrics DROP CONSTRAINT performance_metrics_symbol_fkey"),
    ("candles_15m_ohlcv", "ALTER VIEW candles_15m_ohlcv RENAME vwap TO average"),
    ("pairs_notify", "ALTER TABLE pairs DISABLE TRIGGER pairs_notify"),
    ("pairs_notify", "CREATE OR REPLACE TRIGGER pairs_notify AFTER INSERT OR UPDATE OR DELETE ON pairs"
                     " FOR EACH STATEMENT EXECUTE FUNCTION pairs_notify()"),
    ("ingest_offsets", "ALTER TABLE ingest_offsets RESET (fillfactor)"),
    ("ingest_offsets", "ALTER TABLE ingest_offsets ALTER dropped DROP DEFAULT"),
    ("rejected_ticks", "ALTER TABLE rejected_ticks ALTER payload TYPE text USING ''"),
    ("ingest_gaps", "ALTER TABLE ingest_gaps ALTER id DROP IDENTITY"),
    ("ingest_fence", "DROP FUNCTION ingest_move; CREATE FUNCTION ingest_move(text, text, text, integer, bigint,"
                     " bigint, bigint, bigint, bigint, bigint, bigint) RETURNS void LANGUAGE sql AS ''"),
    ("ingest_merge", "DROP FUNCTION ingest_place"),
    ("tickd_role", "GRANT DELETE ON ticks TO tickd"),
    ("tickd_role", "GRANT UPDATE ON pairs TO PUBLIC"),
    ("tickd_role", "REVOKE INSERT ON rejected_ticks FROM tickd"),
    ("tickd_role", "REVOKE UPDATE (bid) ON ticks FROM tickd"),
    ("tickd_role", "REVOKE EXECUTE ON FUNCTION ingest_merge FROM tickd"),
]


@pytest.fixture(scope="module")
def verify_damaged(_pg_session, scratch):
    """verify_damaged(change, damage): what the change's verify script says after that; then all is undone."""
    dbname = _pg_session.create_deployed()
    path = os.path.join(scratch.dir("damage"), "script.sql")

    def verify(change, damage):
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"BEGIN; {damage};\n\\i sql/verify/{change}.sql\n")
        try:
            # An error, or the end of the verify script, rolls back the damage.
            _pg_session.psql_file(path, dbname)
            return ""
        except AssertionError as error:
            return str(error)

    yield verify
    _pg_session.drop_database(dbname)


@pytest.mark.parametrize("change, damage", DAMAGE, ids=lambda value: value[:60])
def test_verify_notices(pg, verify_damaged, change, damage):
    if change == "time_functions" and pg.query("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"):
        pytest.skip("last() is TimescaleDB's here")
    assert verify_damaged(change, "SELECT 1") == ""
    said = verify_damaged(change, damage)
    assert f"verify/{change}.sql" in said and "ERROR" in said, said


def test_verify_names_all_that_is_missing(db):
    db.query("ALTER TABLE orders DROP price, DROP status")
    with pytest.raises(AssertionError) as failure:
        db.cluster.psql_file("sql/verify/orders.sql", db.name)
    assert "price double precision" in str(failure.value)
    assert "status character varying(20) not null" in str(failure.value)


def test_columns_that_others_add_are_no_fault(db):
    db.query("ALTER TABLE pairs ADD listed_at timestamptz")
    db.cluster.psql_file("sql/verify/pairs.sql", db.name)


def test_seed_is_the_30_pairs(db):
    figures = {symbol: (category, float(whale)) for (category, whale), symbols in CATEGORIES.items()
               for symbol in symbols.split()}
    wanted = set()
    for entry in SEED.replace("\n", " ").split(", "):
        symbol, leverage, size, tick, name = entry.strip().split(":")
        wanted.add((symbol, "USD", int(leverage), float(size), float(tick), name, *figures[symbol], True))
    assert len(wanted) == 30
    assert set(db.query("SELECT symbol, quote_asset, max_leverage, min_order_size, tick_size, display_name,"
                        " category, whale_threshold_usd, active FROM pairs")) == wanted


def test_seeding_again_changes_nothing(db):
    db.query("UPDATE pairs SET active = false, max_leverage = 7 WHERE symbol = 'BTC'")
    db.query("DELETE FROM pairs WHERE symbol = '2Z'")
    db.cluster.psql_file("sql/deploy/pairs_seed.sql", db.name)
    assert db.query("SELECT active, max_leverage FROM pairs WHERE symbol = 'BTC'") == [(False, 7)]
    assert db.count("pairs") == 30


@pytest.mark.parametrize("statement", [
    "UPDATE pairs SET active = false",
    "DELETE FROM pairs WHERE symbol = 'CRV'",
    "INSERT INTO pairs (symbol, max_leverage, min_order_size, tick_size, category, whale_threshold_usd)"
    " VALUES ('NEW', 1, 1, 1, 'emerging', 1), ('NEWER', 1, 1, 1, 'emerging', 1)",
    "TRUNCATE pairs CASCADE",
])
def test_listeners_learn_of_changed_pairs_once(db, statement):
    listener = db.session(user="tickd", autocommit=True)
    with listener.cursor() as cursor:
        cursor.execute("LISTEN tickd_pairs; LISTEN after")
    db.query(statement)
    db.query("NOTIFY after")

    def heard():
        listener.poll()
        return [note.channel for note in listener.notifies]

    wait_until(lambda: "after" in heard(), "the notifications")
    assert heard() == ["tickd_pairs", "after"]
    listener.close()


def test_candles_are_what_pencil_and_paper_say(db):
    db.query("""INSERT INTO ticks (time, symbol, price, volume) VALUES
        ('2025-11-15 11:59:59.999999+00', 'BTC', 50,  1),
        ('2025-11-15 12:00:00+00',        'BTC', 100, 2),
        ('2025-11-15 12:07:00+00',        'BTC', 130, 1),
        ('2025-11-15 12:08:00+00',        'BTC', 90,  3),
        ('2025-11-15 12:14:59.999999+00', 'BTC', 110, 4),
        ('2025-11-15 12:15:00+00',        'BTC', 120, 0),
        ('2025-11-15 12:16:00+00',        'BTC', 121, 0),
        ('2025-11-15 12:10:00+00',        'ETH', 7,   2)""")
    rows = db.query("SELECT to_char(time AT TIME ZONE 'UTC', 'HH24:MI'), symbol, open, high, low, close,"
                    " volume, vwap FROM candles_15m_ohlcv ORDER BY symbol, time")
    assert rows == [
        ("11:45", "BTC", 50, 50, 50, 50, 1, 50),
        # vwap: (100*2 + 130*1 + 90*3 + 110*4) / 10
        ("12:00", "BTC", 100, 130, 90, 110, 10, 104),
        ("12:15", "BTC", 120, 121, 120, 121, 0, None),
        ("12:00", "ETH", 7, 7, 7, 7, 2, 7),
    ]


def test_offset_updates_stay_on_their_page(db):
    """What fillfactor is for: an updated row needs no new index entry."""
    db.query("SELECT ingest_start('g', 'c', 't', 0, 0)")
    for offset in range(50):
        db.query("SELECT ingest_advance('g', 'c', 't', 0, %s, %s, 1, 1, 0, 0, 0)", (offset, offset + 1))
    db.query("SELECT pg_stat_force_next_flush()")
    updates, hot = db.query("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"
                            " WHERE relname = 'ingest_offsets'")[0]
    assert updates == hot == 50


def test_a_dead_letter_may_come_again_later_but_not_within_a_transaction(db):
    """A topic made anew counts its offsets from 0 again."""
    insert = ("INSERT INTO rejected_ticks (group_id, cluster_id, topic, kafka_partition, kafka_offset, item, reason)"
              " VALUES ('g', 'c', 't', 0, 5, 0, 'not_json')")
    db.query(insert)
    db.query(insert)
    assert db.count("rejected_ticks") == 2
    session = db.session()
    with session.cursor() as cursor:
        cursor.execute(insert)
        with pytest.raises(psycopg2.errors.UniqueViolation):
            cursor.execute(insert)
    session.close()
