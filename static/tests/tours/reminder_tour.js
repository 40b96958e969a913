import {registry} from "@web/core/registry";

const {DateTime} = luxon;

registry.category("web_tour.tours").add("avoir_reminder_run", {
    steps: () => [
        {content: "A new run", trigger: ".o_list_button_add", run: "click"},
        {
            content: "See what is due",
            trigger: "button[name='action_prepare']:contains('See What Is Due')",
            run: "click",
        },
        {
            content: "Keep one customer out",
            trigger:
                ".o_data_row:contains('Tour Out') td[name='excluded'] .o-checkbox, .o_data_row:contains('Tour Out') td[name='excluded'] input",
            run: "click",
        },
        {
            content: "It is out",
            trigger: ".o_data_row.text-muted:contains('Tour Out')",
        },
        {
            content: "Move the other one a level up",
            trigger: ".o_data_row:contains('Tour Keep') button[name='action_level_up']",
            run: "click",
        },
        {
            content: "It is at the next level",
            trigger:
                ".o_data_row:contains('Tour Keep') td[name='level_id']:contains('Firm')",
        },
        {content: "Send", trigger: "button[name='action_send']", run: "click"},
        {
            content: "Really",
            trigger: ".modal .btn-primary",
            run: "click",
        },
        {
            content: "It is sent",
            trigger: ".o_arrow_button_current:contains('Sent')",
        },
    ],
});

registry.category("web_tour.tours").add("avoir_reminder_portal", {
    steps: () => [
        {
            content: "Open what is overdue",
            trigger: "a[href='/my/reminders']",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "Something is wrong with the first invoice",
            trigger: ".o_reminder_invoice:first .o_dispute summary",
            run: "click",
        },
        {
            content: "Say what",
            trigger: ".o_reminder_invoice:first textarea[name='reason']",
            run: "edit Two of the lamps are broken",
        },
        {
            content: "Send it",
            trigger: ".o_reminder_invoice:first .o_dispute button",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "It was understood",
            trigger: ".alert-success:contains('We look into it')",
        },
        {
            content: "The second is paid later",
            trigger: ".o_reminder_invoice:last .o_promise summary",
            run: "click",
        },
        {
            content: "Choose the day",
            trigger: ".o_reminder_invoice:last input[name='date']",
            run() {
                this.anchor.value = DateTime.now().plus({days: 3}).toISODate();
            },
        },
        {
            content: "Promise it",
            trigger: ".o_reminder_invoice:last .o_promise button",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "It was noted",
            trigger: ".alert-success:contains('day of your payment')",
        },
    ],
});
