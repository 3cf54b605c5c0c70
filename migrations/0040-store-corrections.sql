-- What of goods, stores and the papers of stock can be corrected; `corrections.correction` keeps what it was before.
grant update (sku, name, name_en, unit, barcode, category, min_stock, cost_fen) on store.goods to jifen_app;
grant update (name, place) on store.store to jifen_app;
grant update (reason) on store.stock_document to jifen_app;
