-- SPDX-License-Identifier: MIT
-- Revert tickd:candles_15m_ohlcv from pg

begin;

drop view candles_15m_ohlcv;

commit;
