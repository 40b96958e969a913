import {registry} from "@web/core/registry";

const row = ".o_field_widget[name='move_ids'] .o_data_row:first";

registry.category("web_tour.tours").add("avoir_receive_two_of_three", {
    steps: () => [
        {
            content: "Open the return that arrived",
            trigger: ".o_data_row td[name='partner_id']:contains('Tour customer')",
            run: "click",
        },
        {
            content: "It says what the customer announced",
            trigger: `${row} td[name='return_announced_qty']:contains('3.00')`,
        },
        {
            content: "Count",
            trigger: `${row} td[name='quantity']`,
            run: "click",
        },
        {
            content: "Two arrived",
            trigger: `${row} td[name='quantity'] input`,
            run: "edit 2",
        },
        {
            content: "Judge",
            trigger: `${row} td[name='return_refused_qty']`,
            run: "click",
        },
        {
            content: "One of them is refused",
            trigger: `${row} td[name='return_refused_qty'] input`,
            run: "edit 1",
        },
        {
            content: "Received",
            trigger: "button[name='button_validate']:visible",
            run: "click",
        },
        {
            content: "The third is still expected",
            trigger: ".modal button[name='process']",
            run: "click",
        },
        {
            content: "One to stock",
            trigger: ".o_data_row td[name='return_verdict']:contains('To stock')",
        },
        {
            content: "One refused",
            trigger: ".o_data_row td[name='return_verdict']:contains('Refused')",
        },
        {
            content: "The return is credited",
            trigger: "div[name='return_state']:contains('Credited')",
        },
    ],
});
