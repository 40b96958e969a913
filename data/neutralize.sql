-- a copy of the database neither speaks with the shops nor takes their deliveries
UPDATE marketplace_account
   SET active = false,
       webhook_key = NULL,
       webhook_secret = NULL,
       webhook_secret_previous = NULL,
       webhook_secret_previous_until = NULL,
       api_key = NULL,
       api_secret = NULL,
       access_token = NULL;

UPDATE ir_cron
   SET active = false
 WHERE id IN (
       SELECT res_id
         FROM ir_model_data
        WHERE model = 'ir.cron'
          AND module = 'avoir'
          AND name LIKE 'ir_cron_marketplace_%');
