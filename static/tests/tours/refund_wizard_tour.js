import {registry} from "@web/core/registry";

const openWizard = [
    {
        content: "Credit the invoice",
        trigger: "button[name='action_reverse']",
        run: "click",
    },
];

function chooseReason(name) {
    return [
        {
            content: `Look for the reason ${name}`,
            trigger: ".modal div[name='refund_reason_id'] input",
            run: `edit ${name}`,
        },
        {
            content: `Choose the reason ${name}`,
            trigger: `.o-autocomplete--dropdown-item:contains('${name}')`,
            run: "click",
        },
    ];
}

function creditQuantity(product, quantity) {
    const cell = `.modal .o_data_row:contains('${product}') td[name='quantity']`;
    return [
        {content: `Go to ${product}`, trigger: cell, run: "click"},
        {
            content: `Credit ${quantity} of ${product}`,
            trigger: `${cell} input`,
            run: `edit ${quantity}`,
        },
    ];
}

registry.category("web_tour.tours").add("avoir_credit_two_of_three_lines", {
    steps: () => [
        ...openWizard,
        ...chooseReason("Billing mistake"),
        ...creditQuantity("Desk", 2),
        ...creditQuantity("Chair", 1),
        {
            content: "Leave the lines",
            trigger: ".modal .modal-title",
            run: "click",
        },
        {
            content: "The total is shown before anything is created",
            trigger: ".modal div[name='tax_totals']:contains('300.00')",
        },
        {
            content: "What stays to pay is shown too",
            trigger: ".modal div[name='residual_after']:contains('396.00')",
        },
        {
            content: "Create the credit note",
            trigger: ".modal button[name='action_credit']",
            run: "click",
        },
        {
            content: "It is posted and opened",
            trigger: ".o_arrow_button_current:contains('Posted')",
        },
        {
            content: "It names its reason",
            trigger: "body:not(.modal-open) .o_form_view:contains('Billing mistake')",
        },
    ],
});

registry.category("web_tour.tours").add("avoir_cancel_and_redraft", {
    steps: () => [
        ...openWizard,
        ...chooseReason("Billing mistake"),
        {
            content: "Cancel and redraft",
            trigger: ".modal div[name='refund_method'] input[data-value='redraft']",
            run: "click",
        },
        {
            content: "The method is explained",
            trigger: ".modal span:contains('its payments follow to the draft')",
        },
        {
            content: "Cancel the invoice and open its draft",
            trigger: ".modal button[name='action_credit']",
            run: "click",
        },
        {
            content: "The draft is open",
            trigger: "body:not(.modal-open) .o_arrow_button_current:contains('Draft')",
        },
        {
            content: "Correct the quantity of the first line",
            trigger:
                "div[name='invoice_line_ids'] .o_data_row:eq(0) td[name='quantity']",
            run: "click",
        },
        {
            content: "Only two were meant",
            trigger:
                "div[name='invoice_line_ids'] .o_data_row:eq(0) td[name='quantity'] input",
            run: "edit 2",
        },
        {
            content: "Post the replacement",
            trigger: "button[name='action_post']:not(.d-none)",
            run: "click",
        },
        {
            content: "The payment of the cancelled invoice pays it",
            trigger: ".o_arrow_button_current:contains('Posted')",
        },
        {
            content: "Nothing of it is open",
            trigger: ".o_widget_web_ribbon:contains('Paid'), .ribbon:contains('Paid')",
        },
    ],
});
