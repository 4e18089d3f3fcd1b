-- A user who may read what people are meant to read, and nothing else: for Grafana, notebooks, BI tools.
--
-- Run it once as an administrator of the server, with a password of your own in place of the one below and the
-- warehouse's database in place of `candlehouse` if MYSQL_DATABASE names another:
--
--     mysql -h HOST -u root -p < sql/read_only_user.sql
--
-- MySQL 8.0+ and MariaDB 10.6+. Running it again changes nothing. The views stay as they are while tables
-- change; tokens, settings and the log of who did what are in tables that this user cannot see.

CREATE USER IF NOT EXISTS 'candlehouse_reader'@'%' IDENTIFIED BY 'choose-another-password';

GRANT SELECT ON candlehouse.candles TO 'candlehouse_reader'@'%';
GRANT SELECT ON candlehouse.candles_1h TO 'candlehouse_reader'@'%';
GRANT SELECT ON candlehouse.candles_1d TO 'candlehouse_reader'@'%';
GRANT SELECT ON candlehouse.order_book TO 'candlehouse_reader'@'%';
