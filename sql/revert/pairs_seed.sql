-- SPDX-License-Identifier: MIT
-- Revert tickd:pairs_seed from pg
-- Reverting goes on to drop the table itself; this is for who only wants to get rid of the 30.

begin;

delete from pairs where symbol in (
    'BTC', 'ETH', 'SOL', 'HYPE', 'ZEC', 'BNB', 'XRP', 'PUMP', 'AAVE', 'ENA', 'ASTER', 'kBONK', 'kPEPE', 'LTC',
    'PAXG', 'VIRTUAL', 'SUI', 'FARTCOIN', 'TAO', 'DOGE', 'XPL', 'AVAX', 'LINK', 'UNI', 'WLFI', 'PENGU', '2Z',
    'MON', 'LDO', 'CRV');

commit;
