-- SPDX-License-Identifier: MIT
-- Verify tickd:pairs_seed on pg

begin;

-- That they are there; their figures are the operators' to change.
do $$
declare
    missing text;
begin
    select string_agg(symbol, ', ') into missing from unnest(array[
        'BTC', 'ETH', 'SOL', 'HYPE', 'ZEC', 'BNB', 'XRP', 'PUMP', 'AAVE', 'ENA', 'ASTER', 'kBONK', 'kPEPE', 'LTC',
        'PAXG', 'VIRTUAL', 'SUI', 'FARTCOIN', 'TAO', 'DOGE', 'XPL', 'AVAX', 'LINK', 'UNI', 'WLFI', 'PENGU', '2Z',
        'MON', 'LDO', 'CRV']) as seed (symbol)
    where not exists (select from pairs p where p.symbol = seed.symbol);
    if missing is not null then
        raise exception 'pairs lacks %', missing;
    end if;
end $$;

rollback;
