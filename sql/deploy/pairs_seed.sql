-- SPDX-License-Identifier: MIT
-- Deploy tickd:pairs_seed to pg
-- A pair that is already there stays as it is: its figures may have been changed by an operator.

begin;

insert into pairs (symbol, max_leverage, min_order_size, tick_size, display_name, category, whale_threshold_usd)
select s.symbol, s.max_leverage, s.min_order_size, s.tick_size, s.display_name, c.category, c.whale_threshold_usd
from (values
    ('major',     25000),
    ('mid-cap',   10000),
    ('emerging',   5000),
    ('small-cap',  2500)
) as c (category, whale_threshold_usd)
join (values
    ('BTC',      'major',     50, 0.001, 0.1,      'Bitcoin'),
    ('ETH',      'major',     50, 0.01,  0.01,     'Ethereum'),
    ('SOL',      'major',     20, 0.1,   0.001,    'Solana'),
    ('HYPE',     'mid-cap',   20, 1,     0.0001,   'Hyperliquid'),
    ('ZEC',      'mid-cap',   10, 0.01,  0.01,     'Zcash'),
    ('BNB',      'mid-cap',   10, 0.01,  0.01,     'BNB'),
    ('XRP',      'mid-cap',   20, 10,    0.0001,   'Ripple'),
    ('PUMP',     'mid-cap',    5, 100,   0.00001,  'Pump'),
    ('AAVE',     'mid-cap',   10, 0.1,   0.01,     'Aave'),
    ('ENA',      'mid-cap',   10, 10,    0.0001,   'Ethena'),
    ('ASTER',    'emerging',   5, 1,     0.0001,   'Aster'),
    ('kBONK',    'emerging',  10, 100,   0.000001, 'Bonk (1000x)'),
    ('kPEPE',    'emerging',  10, 100,   0.000001, 'Pepe (1000x)'),
    ('LTC',      'emerging',  10, 0.1,   0.01,     'Litecoin'),
    ('PAXG',     'emerging',  10, 0.01,  0.1,      'Paxos Gold'),
    ('VIRTUAL',  'emerging',   5, 1,     0.0001,   'Virtual'),
    ('SUI',      'emerging',  10, 1,     0.0001,   'Sui'),
    ('FARTCOIN', 'emerging',  10, 1,     0.00001,  'Fartcoin'),
    ('TAO',      'emerging',  10, 0.1,   0.01,     'Bittensor'),
    ('DOGE',     'emerging',  15, 10,    0.00001,  'Dogecoin'),
    ('XPL',      'emerging',  10, 1,     0.0001,   'XPL'),
    ('AVAX',     'emerging',  10, 1,     0.01,     'Avalanche'),
    ('LINK',     'emerging',  10, 1,     0.001,    'Chainlink'),
    ('UNI',      'emerging',  10, 1,     0.001,    'Uniswap'),
    ('WLFI',     'small-cap',  5, 1,     0.0001,   'WLFI'),
    ('PENGU',    'small-cap',  5, 100,   0.000001, 'Pengu'),
    ('2Z',       'small-cap',  3, 1,     0.0001,   '2Z'),
    ('MON',      'small-cap',  3, 10,    0.00001,  'MON'),
    ('LDO',      'small-cap', 10, 1,     0.001,    'Lido DAO'),
    ('CRV',      'small-cap', 10, 1,     0.0001,   'Curve')
) as s (symbol, category, max_leverage, min_order_size, tick_size, display_name) using (category)
on conflict (symbol) do nothing;

commit;
